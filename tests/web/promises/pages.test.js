// What is promised about each page that people outside see, on a desktop and a phone, light and dark.
// A picture of each is kept in tests-output/screens for people to look at.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DESKTOP, PHONE, launchBrowser, newVisitor } from "../support/browser.js";
import * as at from "../support/pages.js";
import { SCREENS, faultsOf } from "../support/screens.js";
import { startServer } from "../support/server.js";

const LOOKS = [
  { look: "desktop-light", screen: DESKTOP, scheme: "light" },
  { look: "desktop-dark", screen: DESKTOP, scheme: "dark" },
  { look: "phone-light", screen: PHONE, scheme: "light" },
  { look: "phone-dark", screen: PHONE, scheme: "dark" },
];

let server;
let browser;
const sights = [];
const troubles = [];

before(async () => {
  await mkdir(SCREENS, { recursive: true });
  server = await startServer("pages");
  browser = await launchBrowser();
  for (const look of LOOKS) await seeEveryPage(look);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Walks through the pages that people outside see in one look and notes what can be measured on each. */
async function seeEveryPage({ look, ...options }) {
  const visitor = await newVisitor(browser, server.url, options);
  const { page } = visitor;
  const see = async (name, seen = page) => {
    const where = `${name}-${look}`;
    sights.push({ where, ...(await measure(seen, where)) });
  };

  await page.goto((await server.createLink()).url);
  await see("picker");

  const link = await server.createLink({ providers: ["sandbox"] });
  await at.openLink(page, link);
  await see("provider");
  await at.goToSandbox(page);
  await see("sandbox-consent");
  await at.action(page, at.WORDS.allow).click();
  await at.onDonePage(page);
  await see("done");

  await at.deny(page, await server.createLink({ providers: ["sandbox"] }));
  await see("denied");

  await page.goto(`${server.url}/docs`);
  await see("docs");

  const stranger = await newVisitor(browser, server.url, options);
  await stranger.page.goto(link.url);
  await see("used", stranger.page);

  troubles.push(...visitor.troubles, ...stranger.troubles);
  await stranger.leave();
  await visitor.leave();
}

/** What is measured on a page: its language, title, headings, width, and the faults that axe finds. */
async function measure(page, name) {
  await page.screenshot({ path: join(SCREENS, `${name}.png`), fullPage: true });
  const facts = await page.evaluate(() => ({
    language: document.documentElement.lang,
    title: document.title,
    headings: document.querySelectorAll("h1").length,
    tooWide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    smallTargets: [...document.querySelectorAll("button, input[type=submit], a[role=button], a.button")]
      .filter((target) => target.offsetHeight > 0 && target.offsetHeight < 44)
      .map((target) => target.textContent.trim()),
  }));
  return { ...facts, faults: await faultsOf(page) };
}

/** Fails with the names of all pages of which `wrong` says something. */
function assertOfEveryPage(wrong) {
  assert.ok(sights.length > 0);
  const found = sights.map((sight) => [sight.where, wrong(sight)]).filter(([, fault]) => fault);
  assert.deepEqual(found, []);
}

describe("pages", () => {
  it("have no console errors, no policy violations, and ask no other host for anything", () => {
    assert.deepEqual(troubles, []);
  });

  it("say their language, a title and one first-level heading", () => {
    assertOfEveryPage(({ language, title, headings }) => {
      const said = language && title && headings === 1;
      return !said && { language, title, headings };
    });
  });

  it("never scroll sideways", () => {
    assertOfEveryPage(({ tooWide }) => tooWide > 0 && `${tooWide} px too wide`);
  });

  it("have buttons that a thumb hits", () => {
    assertOfEveryPage(({ smallTargets }) => smallTargets.length > 0 && smallTargets);
  });

  it("have no fault of accessibility that a program can find", () => {
    assertOfEveryPage(({ faults }) => faults.length > 0 && faults);
  });
});
