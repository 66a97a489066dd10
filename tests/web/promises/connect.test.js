// What is promised to a person who opens a magic link.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launchBrowser, newVisitor } from "../support/browser.js";
import { pressByKeyboard } from "../support/keyboard.js";
import * as at from "../support/pages.js";
import { startServer } from "../support/server.js";

const { WORDS } = at;
let server;
let browser;

before(async () => {
  server = await startServer("connect");
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs `story` with a visitor who leaves at its end. */
async function asVisitor(story, options) {
  const visitor = await newVisitor(browser, server.url, options);
  try {
    await story(visitor.page);
  } finally {
    await visitor.leave();
  }
}

const sandboxLink = () => server.createLink({ providers: ["sandbox"] });

/** The only connection of the person for whom the link was made. */
async function connectionOf(link) {
  const connections = await server.connectionsOf(link.linked_user_origin_id);
  assert.equal(connections.length, 1);
  return connections[0];
}

describe("a person connects an account", () => {
  it("with the mouse", async () => {
    const link = await sandboxLink();
    await asVisitor((page) => at.connect(page, link));
    const connection = await connectionOf(link);
    assert.deepEqual([connection.provider_slug, connection.status], ["sandbox", "valid"]);
  });

  it("with the keyboard alone", async () => {
    const link = await sandboxLink();
    await asVisitor(async (page) => {
      await at.openLink(page, link);
      await pressByKeyboard(page, WORDS.continue);
      await at.onSandboxConsent(page);
      await pressByKeyboard(page, WORDS.allow);
      await at.onDonePage(page);
    });
    await connectionOf(link);
  });

  it("with scripts off", async () => {
    const link = await sandboxLink();
    await asVisitor((page) => at.connect(page, link), { scripts: false });
    await connectionOf(link);
  });

  it("chosen among many by searching, with scripts off too", async () => {
    const link = await server.createLink();
    await asVisitor(
      async (page) => {
        await page.goto(link.url);
        await page.getByRole("searchbox").fill("sandbox");
        await page.keyboard.press("Enter");
        await at.action(page, /sandbox/i).click();
        await page.waitForURL(/\/sandbox$/);
        await at.goToSandbox(page);
      },
      { scripts: false },
    );
  });
});

describe("the success page", () => {
  it("shows which account was connected, and never the connection token", async () => {
    const link = await sandboxLink();
    await asVisitor(async (page) => {
      await at.connect(page, link);
      const { account, connection_token } = await connectionOf(link);
      assert.ok((await at.text(page)).includes(account.email ?? account.name));
      assert.ok(!(await page.content()).includes(connection_token));
    });
  });

  it("says for whom it was connected", async () => {
    const link = await sandboxLink();
    await asVisitor(async (page) => {
      await at.connect(page, link);
      assert.match(await at.text(page), /Ada Lovelace/);
    });
  });

  it("stays for the browser that finished", async () => {
    const link = await sandboxLink();
    await asVisitor(async (page) => {
      await at.connect(page, link);
      await page.reload();
      await at.onDonePage(page);
    });
  });
});

describe("a link", () => {
  it("leaves no token in the address bar", async () => {
    const link = await sandboxLink();
    await asVisitor(async (page) => {
      await at.openLink(page, link);
      const token = new URL(link.url).pathname.split("/").at(-1);
      assert.ok(!page.url().includes(token));
    });
  });

  it("that was used says so", async () => {
    const link = await sandboxLink();
    await asVisitor((page) => at.connect(page, link));
    await asVisitor(async (page) => {
      await page.goto(link.url);
      assert.match(await at.text(page), WORDS.used);
    });
  });

  it("is not spent by opening it", async () => {
    const link = await sandboxLink();
    await asVisitor((page) => at.openLink(page, link));
    await asVisitor((page) => at.connect(page, link));
  });
});

describe("a denied consent", () => {
  it("ends on a page that says so", async () => {
    const link = await sandboxLink();
    await asVisitor(async (page) => {
      await at.deny(page, link);
      assert.match(await at.text(page), WORDS.denied);
    });
    assert.deepEqual(await server.connectionsOf(link.linked_user_origin_id), []);
  });

  it("offers to try again, which works", async () => {
    const link = await sandboxLink();
    await asVisitor(async (page) => {
      await at.deny(page, link);
      await at.action(page, WORDS.tryAgain).click();
      await page.waitForURL(/\/connect\/flow\/|\/sandbox\/oauth\//);
      if (page.url().includes("/connect/flow/")) await at.goToSandbox(page);
      await at.action(page, WORDS.allow).click();
      await at.onDonePage(page);
    });
    await connectionOf(link);
  });
});

describe("another browser", () => {
  it("cannot finish the flow", async () => {
    const link = await sandboxLink();
    await asVisitor(async (page) => {
      await at.openLink(page, link);
      await at.goToSandbox(page);
      const consent = page.url();
      await asVisitor(async (stranger) => {
        await stranger.goto(consent);
        await at.action(stranger, WORDS.allow).click();
        await stranger.waitForURL((url) => url.pathname.startsWith("/connect"));
        assert.match(await at.text(stranger), WORDS.anotherBrowser);
      });
    });
    assert.deepEqual(await server.connectionsOf(link.linked_user_origin_id), []);
  });

  it("cannot look at the flow", async () => {
    const link = await sandboxLink();
    await asVisitor(async (page) => {
      await at.openLink(page, link);
      const flow = page.url();
      await asVisitor(async (stranger) => {
        const answer = await stranger.goto(flow);
        assert.ok(answer.status() >= 400 && answer.status() < 500, `status ${answer.status()}`);
        assert.doesNotMatch(await at.text(stranger), /Ada Lovelace/);
      });
    });
  });
});
