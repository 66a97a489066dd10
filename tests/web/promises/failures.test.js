// What a person meets when connecting goes wrong: a page that says what happened and what to do, and a way back that works.
// A picture of each is kept in tests-output/screens for people to look at.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launchBrowser, newVisitor, newVisitorWithoutCookies } from "../support/browser.js";
import { pressByKeyboard } from "../support/keyboard.js";
import * as at from "../support/pages.js";
import { PROVIDERS } from "../support/providers.js";
import { SCREENS, faultsOf } from "../support/screens.js";
import { startServer } from "../support/server.js";

const { WORDS } = at;
let server;
let browser;

before(async () => {
  await mkdir(SCREENS, { recursive: true });
  server = await startServer("failures", { providers: PROVIDERS, fronted: true });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The status with which each page's document was answered last. */
const statuses = new WeakMap();

async function asVisitor(story, arrival = newVisitor(browser, server.url)) {
  const visitor = await arrival;
  visitor.page.on("response", (answer) => {
    if (answer.request().isNavigationRequest()) statuses.set(visitor.page, answer.status());
  });
  try {
    await story(visitor.page);
  } finally {
    await visitor.leave();
  }
}

/** The page has this status, says this, tells no internals, and has no fault that a program can find. */
async function assertSays(page, [status, name], ...words) {
  const said = await at.text(page);
  for (const word of words) assert.match(said, word);
  assert.equal(statuses.get(page), status);
  const internal = /invalid_(grant|token)|upstream|node-7|ECONN|DNS|https?:\/\/127|panora::|undefined|null|\{[a-z_]+\}/;
  assert.doesNotMatch(said.replace(server.url, ""), internal);
  await page.screenshot({ path: join(SCREENS, `failure-${name}.png`), fullPage: true });
  assert.deepEqual(await faultsOf(page), []);
}

const linkTo = (slug) => server.createLink({ providers: [slug] });
const connectionsOf = (link) => server.connectionsOf(link.linked_user_origin_id);

/** From the opened link to the sandbox's consent, whatever the provider calls itself. */
async function toConsent(page, link) {
  await page.goto(link.url);
  await at.action(page, WORDS.continue).click();
  await at.onSandboxConsent(page);
}

async function allow(page) {
  await at.action(page, WORDS.allow).click();
  await page.waitForURL((url) => url.pathname.startsWith("/connect"));
}

/** The address of the provider's answer, once it has come. */
function answerTo(page) {
  let address;
  page.on("request", (request) => {
    if (request.url().includes("/connections/oauth/callback")) address = request.url();
  });
  return () => address;
}

/** "Try again" leads to a connection. */
async function assertTryingAgainWorks(page) {
  await at.action(page, WORDS.tryAgain).click();
  await at.onProviderPage(page);
  await at.action(page, WORDS.continue).click();
  await at.onSandboxConsent(page);
  await allow(page);
  await at.onDonePage(page);
}

async function makeTrouble(page, trouble) {
  await page.locator("details.trouble summary").click();
  await page.getByLabel(trouble).check();
}

async function fillIn(page, fields) {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
  await at.action(page, WORDS.continue).click();
}

/** Whatever is asked of a shaky provider during `story` fails in this way. */
async function duringTrouble(trouble, story) {
  server.front.trouble = trouble;
  try {
    await story();
  } finally {
    server.front.trouble = undefined;
  }
}

const KEY = { Account: "acme", Key: "acme-key" };

describe("someone who types a key", () => {
  it("that is wrong is told so beside the field, and may type it again", async () => {
    const link = await linkTo("keyed");
    await asVisitor(async (page) => {
      await page.goto(link.url);
      await fillIn(page, { ...KEY, Key: "mistyped" });
      await assertSays(page, [200, "wrong-key"], /Keyed did not accept this/, /Copy it once more/);
      assert.ok(!(await page.content()).includes("mistyped"));
      await fillIn(page, KEY);
      await at.onDonePage(page);
    });
    assert.equal((await connectionsOf(link)).length, 1);
  });

  it("that may not do enough is told which way to go", async () => {
    await asVisitor(async (page) => {
      await page.goto((await linkTo("keyed")).url);
      await fillIn(page, { ...KEY, Key: "acme-idle-key" });
      await assertSays(page, [200, "key-without-permission"], /A permission is missing at Keyed/, /Add it there, then try again/);
      await fillIn(page, KEY);
      await at.onDonePage(page);
    });
  });

  it("for an account that does not exist is told to check the address", async () => {
    await asVisitor(async (page) => {
      await page.goto((await linkTo("keyed")).url);
      await fillIn(page, { ...KEY, Account: "acne" });
      await assertSays(page, [200, "no-such-account"], /No Keyed account was found at this address/, /Check the address/);
      await fillIn(page, KEY);
      await at.onDonePage(page);
    });
  });

  it("for a subdomain that no name server knows learns that the address leads nowhere", async () => {
    const link = await linkTo("elsewhere");
    await asVisitor(async (page) => {
      await page.goto(link.url);
      await fillIn(page, { "Your address": "nobody-here", Key: "any" });
      await assertSays(page, [200, "wrong-subdomain"], /No Elsewhere account was found at this address/, /Check the address/);
    });
    assert.deepEqual(await connectionsOf(link), []);
  });

  for (const trouble of ["unavailable", "cut"]) {
    it(`while the provider is ${trouble} learns that it is not the key, which works later`, async () => {
      const link = await linkTo("shaky_key");
      await asVisitor(async (page) => {
        await page.goto(link.url);
        await duringTrouble(trouble, () => Promise.all([page.waitForEvent("load"), fillIn(page, KEY)]));
        await assertSays(page, [200, `key-${trouble}`], /Shaky Keys does not answer right now/, /not about what you typed/, /try again/);
        await fillIn(page, KEY);
        await at.onDonePage(page);
      });
      assert.equal((await connectionsOf(link)).length, 1);
    });
  }
});

describe("a provider", () => {
  it("that was told no: the page says that nothing was shared, and trying again works by keyboard", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      await at.deny(page, link);
      await assertSays(page, [200, "denied"], /You said no, and that is fine/, /nothing was shared/);
      await pressByKeyboard(page, WORDS.tryAgain);
      await at.onProviderPage(page);
      await at.action(page, WORDS.continue).click();
      await at.onSandboxConsent(page);
      await allow(page);
      await at.onDonePage(page);
    });
  });

  it("that refuses to be called when the person comes back: the page says that it passes", async () => {
    const link = await linkTo("halfway");
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await allow(page);
      await assertSays(page, [502, "provider-refuses"], /Halfway does not answer right now/, /nothing was connected/);
      await at.action(page, WORDS.tryAgain).click();
      await at.onProviderPage(page);
    });
    assert.deepEqual(await connectionsOf(link), []);
  });

  for (const trouble of ["unavailable", "cut"]) {
    it(`that is ${trouble} when the person comes back: the page says that it passes, and later it works`, async () => {
      const link = await linkTo("shaky");
      await asVisitor(async (page) => {
        await toConsent(page, link);
        await duringTrouble(trouble, () => allow(page));
        await assertSays(page, [502, `provider-${trouble}`], /Shaky does not answer right now/, /nothing was connected/);
        assert.deepEqual(await connectionsOf(link), []);
        await assertTryingAgainWorks(page);
      });
      assert.equal((await connectionsOf(link)).length, 1);
    });
  }

  it("that answers nonsense: the page says whose fault it is", async () => {
    const link = await linkTo("babble");
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await allow(page);
      const advice = /If trying again does not help, send default the reference/;
      await assertSays(page, [502, "nonsense"], /Babble could not finish this/, /nothing was connected/, advice);
      await at.action(page, WORDS.tryAgain).click();
      await at.onProviderPage(page);
    });
    assert.deepEqual(await connectionsOf(link), []);
  });

  it("whose code has expired: trying again works", async () => {
    await asVisitor(async (page) => {
      await toConsent(page, await linkTo("sandbox"));
      await makeTrouble(page, /code that has expired/);
      await allow(page);
      await assertSays(page, [502, "expired-code"], /Sandbox could not finish this/, /Try again/);
      await assertTryingAgainWorks(page);
    });
  });

  it("that was given less than was asked for: the page says what is missing, and whom to ask", async () => {
    await asVisitor(async (page) => {
      await toConsent(page, await linkTo("sandbox"));
      await makeTrouble(page, /only some of the permissions/);
      await allow(page);
      await assertSays(
        page,
        [200, "less-than-asked"],
        /with less than asked for/,
        /can add and change contacts/,
        /ask default for a new link/,
      );
    });
  });
});

describe("a window", () => {
  it("closed at the provider spends nothing: the link opens again and works", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await page.close();
    });
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await allow(page);
      await at.onDonePage(page);
    });
    assert.equal((await connectionsOf(link)).length, 1);
  });

  it("in which the answer is opened twice shows again what came of it, and so does the link", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      const answer = answerTo(page);
      await toConsent(page, link);
      await allow(page);
      await at.onDonePage(page);
      await page.goto(answer());
      await at.onDonePage(page);
      await page.goto(link.url);
      await at.onDonePage(page);
    });
    assert.equal((await connectionsOf(link)).length, 1);
  });

  it("in which a refusal is opened twice says that the step was done, and trying again works", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      const answer = answerTo(page);
      await at.deny(page, link);
      await page.goto(answer());
      const advice = /If you saw that the account is connected, there is nothing more to do/;
      await assertSays(page, [400, "opened-twice"], /This step was already done/, advice);
      await assertTryingAgainWorks(page);
    });
    assert.equal((await connectionsOf(link)).length, 1);
  });

  it("of another browser, to which the answer went, is told to go back; the first one can still finish", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      await toConsent(page, link);
      const consent = page.url();
      await asVisitor(async (stranger) => {
        await stranger.goto(consent);
        await allow(stranger);
        await assertSays(stranger, [403, "another-browser"], /Please open your link again/, /another browser/, /in this browser/);
      });
      assert.deepEqual(await connectionsOf(link), []);
      await allow(page);
      await at.onDonePage(page);
    });
    assert.equal((await connectionsOf(link)).length, 1);
  });

  it("that keeps no cookies is told to switch them on, and the link works where they are on", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      await page.goto(link.url);
      await assertSays(page, [403, "cookies-off"], /Please open your link again/, /cookies are switched off/, /cookies switched on/);
    }, newVisitorWithoutCookies(server.url));
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await allow(page);
      await at.onDonePage(page);
    });
  });

  it("without its cookies is told to open the link again", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await page.context().clearCookies();
      await allow(page);
      await assertSays(page, [403, "no-cookies"], /Please open your link again/, /cookies are switched off/);
      assert.deepEqual(await connectionsOf(link), []);
      await toConsent(page, link);
      await allow(page);
      await at.onDonePage(page);
    });
  });
});

describe("a link", () => {
  const opened = (link, ending, ...words) =>
    asVisitor(async (page) => {
      await page.goto(link);
      await assertSays(page, ending, ...words);
    });

  it("that has expired says so, and whom to ask", async () => {
    const link = await linkTo("sandbox");
    await server.expire(link);
    await opened(link.url, [410, "link-expired"], /This link has expired/, /Ask whoever sent you the link for a new one/);
  });

  it("that expires while the person is at the provider says so when they come back", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await server.expire(link);
      await allow(page);
      await assertSays(page, [410, "link-expired-away"], /This link has expired/, /Nothing was connected/, /for a new one/);
    });
    assert.deepEqual(await connectionsOf(link), []);
  });

  it("whose person stays at the provider too long says so, and trying again works", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await server.expireSignIn(link);
      await allow(page);
      await assertSays(page, [400, "too-long"], /That took a little too long/, /Nothing was connected/, /Try again/);
      await assertTryingAgainWorks(page);
    });
  });

  it("that was used says so, and that there is nothing more to do", async () => {
    const link = await linkTo("sandbox");
    await asVisitor((page) => at.connect(page, link));
    await opened(link.url, [410, "link-used"], /This link has already been used/, /there is nothing more to do/, /for a new one/);
  });

  it("that was withdrawn says so", async () => {
    const link = await linkTo("sandbox");
    await server.api("DELETE", `/magic_links/${link.id_magic_link}`);
    await opened(link.url, [410, "link-revoked"], /This link no longer works/, /withdrawn/, /for a new one/);
  });

  it("that is not whole says to copy all of it", async () => {
    const link = await linkTo("sandbox");
    await opened(link.url.slice(0, -3), [404, "link-unknown"], /This link leads nowhere/, /Copy the whole link/);
  });
});

describe("someone who reconnects", () => {
  it("with another account is told that it is another one, and the old connection is left as it was", async () => {
    const link = await linkTo("sandbox");
    await asVisitor((page) => at.connect(page, link));
    const [before] = await connectionsOf(link);
    const renewal = await server.api("POST", "/magic_links", {
      linked_user_origin_id: link.linked_user_origin_id,
      id_connection: before.id_connection,
    });
    await asVisitor(async (page) => {
      await toConsent(page, renewal);
      await page.locator("input[name=account]:not(:checked)").first().check();
      await allow(page);
      const advice = /open your link again and sign in to the same account as before/;
      await assertSays(page, [409, "other-account"], /That is a different account/, /left as it was/, advice);
      assert.deepEqual(await connectionsOf(link), [before]);
      await toConsent(page, renewal);
      await allow(page);
      await at.onDonePage(page);
    });
    const [renewed, ...others] = await connectionsOf(link);
    assert.deepEqual([renewed.id_connection, others], [before.id_connection, []]);
  });

  it("with another account may add it as a new connection", async () => {
    const link = await linkTo("sandbox");
    await asVisitor((page) => at.connect(page, link));
    const [before] = await connectionsOf(link);
    const renewal = await server.api("POST", "/magic_links", {
      linked_user_origin_id: link.linked_user_origin_id,
      id_connection: before.id_connection,
    });
    const other = (page) => page.locator("input[name=account]:not(:checked)").first();
    await asVisitor(async (page) => {
      await toConsent(page, renewal);
      await other(page).check();
      await allow(page);
      await at.action(page, /Add it as a new connection/).click();
      await at.onSandboxConsent(page);
      await other(page).check();
      await allow(page);
      await at.onDonePage(page);
    });
    assert.equal((await connectionsOf(link)).length, 2);
  });
});
