// What a person meets when connecting goes wrong: a page that says what happened and what to do, and a way back that works.
// A picture of each is kept in tests-output/screens for people to look at.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launchBrowser, newVisitor } from "../support/browser.js";
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
  server = await startServer("failures", { providers: PROVIDERS });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function asVisitor(story) {
  const visitor = await newVisitor(browser, server.url);
  try {
    await story(visitor.page);
  } finally {
    await visitor.leave();
  }
}

/** The page says this, tells no internals, and has no fault that a program can find. */
async function assertSays(page, name, ...words) {
  const said = await at.text(page);
  for (const word of words) assert.match(said, word);
  const internal = /invalid_(grant|token)|ECONN|DNS|https?:\/\/127|panora::|undefined|null|\{[a-z_]+\}/;
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

async function makeTrouble(page, trouble) {
  await page.locator("details.trouble summary").click();
  await page.getByLabel(trouble).check();
}

async function fillIn(page, fields) {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
  await at.action(page, WORDS.continue).click();
}

const KEY = { Account: "acme", Key: "acme-key" };

describe("someone who types a key", () => {
  it("that is wrong is told so beside the field, and may type it again", async () => {
    const link = await linkTo("keyed");
    await asVisitor(async (page) => {
      await page.goto(link.url);
      await fillIn(page, { ...KEY, Key: "mistyped" });
      await assertSays(page, "wrong-key", /Keyed did not accept this/, /Copy it once more/);
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
      await assertSays(page, "key-without-permission", /may not do enough/, /a permission is missing\. Add it there/);
    });
  });

  it("for an account that does not exist is told to check the address", async () => {
    await asVisitor(async (page) => {
      await page.goto((await linkTo("keyed")).url);
      await fillIn(page, { ...KEY, Account: "acne" });
      await assertSays(page, "no-such-account", /No Keyed account was found at this address/, /Check the address/);
      await fillIn(page, KEY);
      await at.onDonePage(page);
    });
  });

  it("for a subdomain that no name server knows learns that the address leads nowhere", async () => {
    const link = await linkTo("elsewhere");
    await asVisitor(async (page) => {
      await page.goto(link.url);
      await fillIn(page, { "Your address": "nobody-here", Key: "any" });
      await assertSays(page, "wrong-subdomain", /No Elsewhere account was found at this address/, /Check the address/);
    });
    assert.deepEqual(await connectionsOf(link), []);
  });
});

describe("a provider", () => {
  it("that was told no: the page says that nothing was shared, and trying again works by keyboard", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      await at.deny(page, link);
      await assertSays(page, "denied", /You said no, and that is fine/, /nothing was shared/);
      await pressByKeyboard(page, WORDS.tryAgain);
      if (page.url().includes("/connect/flow/")) await at.action(page, WORDS.continue).click();
      await at.onSandboxConsent(page);
      await allow(page);
      await at.onDonePage(page);
    });
  });

  it("that is down when the person comes back: the page says that it passes", async () => {
    const link = await linkTo("halfway");
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await allow(page);
      await assertSays(page, "provider-down", /Halfway does not answer right now/, /nothing was connected/);
      await at.action(page, WORDS.tryAgain).waitFor();
    });
    assert.deepEqual(await connectionsOf(link), []);
  });

  it("that answers nonsense: the page says whose fault it is", async () => {
    await asVisitor(async (page) => {
      await toConsent(page, await linkTo("babble"));
      await allow(page);
      await assertSays(page, "nonsense", /Babble could not finish this/, /Nothing was connected/);
    });
  });

  it("whose code has expired: trying again works", async () => {
    await asVisitor(async (page) => {
      await toConsent(page, await linkTo("sandbox"));
      await makeTrouble(page, /code that has expired/);
      await allow(page);
      await assertSays(page, "expired-code", /Sandbox could not finish this/, /Try again/);
      await at.action(page, WORDS.tryAgain).click();
      if (page.url().includes("/connect/flow/")) await at.action(page, WORDS.continue).click();
      await at.onSandboxConsent(page);
      await allow(page);
      await at.onDonePage(page);
    });
  });

  it("that was given less than was asked for: the page says what is missing", async () => {
    await asVisitor(async (page) => {
      await toConsent(page, await linkTo("sandbox"));
      await makeTrouble(page, /only some of the permissions/);
      await allow(page);
      await assertSays(page, "less-than-asked", /missing|less than asked/i);
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

  it("in which the answer is opened twice shows that it is done", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      let answer;
      page.on("request", (request) => {
        if (request.url().includes("/connections/oauth/callback")) answer = request.url();
      });
      await toConsent(page, link);
      await allow(page);
      await at.onDonePage(page);
      await page.goto(answer);
      await assertSays(page, "opened-twice", /connected|already done/i);
    });
    assert.equal((await connectionsOf(link)).length, 1);
  });

  it("without its cookies is told to open the link again", async () => {
    await asVisitor(async (page) => {
      await toConsent(page, await linkTo("sandbox"));
      await page.context().clearCookies();
      await allow(page);
      await assertSays(page, "no-cookies", /Please open your link again/, /cookies/);
    });
  });
});

describe("a link", () => {
  const opened = async (link, name, ...words) =>
    asVisitor(async (page) => {
      const answer = await page.goto(link);
      assert.ok(answer.status() >= 400 && answer.status() < 500, `status ${answer.status()}`);
      await assertSays(page, name, ...words);
    });

  it("that has expired says so, and whom to ask", async () => {
    const link = await linkTo("sandbox");
    await server.expire(link);
    await opened(link.url, "link-expired", /This link has expired/, /Ask .*for a new (one|link)/i);
  });

  it("that expires while the person is at the provider says so when they come back", async () => {
    const link = await linkTo("sandbox");
    await asVisitor(async (page) => {
      await toConsent(page, link);
      await server.expire(link);
      await allow(page);
      const said = await at.text(page);
      assert.match(said, /connected|This link has expired/i);
    });
  });

  it("that was withdrawn says so", async () => {
    const link = await linkTo("sandbox");
    await server.api("DELETE", `/magic_links/${link.id_magic_link}`);
    await opened(link.url, "link-revoked", /This link no longer works/, /withdrawn/);
  });

  it("that is not whole says to copy all of it", async () => {
    const link = await linkTo("sandbox");
    await opened(link.url.slice(0, -3), "link-unknown", /This link leads nowhere/, /Copy the whole link/);
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
      await assertSays(page, "other-account", /That is a different account/, /left as it was/);
    });
    assert.deepEqual(await connectionsOf(link), [before]);
  });
});
