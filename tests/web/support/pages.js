// What a person sees and does on each page of the connect flow. The words that tests look for stand here only.

import assert from "node:assert/strict";

export const WORDS = {
  continue: /^(continue|connect)\b/i,
  allow: /^allow\b/i,
  deny: /^(deny|don.t allow|cancel)\b/i,
  tryAgain: /try again|start again|connect again/i,
  connected: /connected/i,
  denied: /not allowed|denied|declined|did not allow|cancelled/i,
  used: /already (been )?used|has been used|was used/i,
  anotherBrowser: /browser|cookie|started|open(ed)? .*link/i,
};

/** A link or button by its name: which of the two it is does not matter to the person. */
export function action(page, name) {
  return page.getByRole("link", { name }).or(page.getByRole("button", { name })).first();
}

/** Opens the link and waits on the page of the only provider that it offers. */
export async function openLink(page, link) {
  await page.goto(link.url);
  await onProviderPage(page);
}

/** The page before the way to a provider, whichever it is. */
export async function onProviderPage(page) {
  await page.waitForURL(/\/connect\/flow\/[^/]+(\/\w+)?$/);
  await action(page, WORDS.continue).waitFor();
}

export async function onSandboxConsent(page) {
  await page.waitForURL(/\/sandbox\/oauth\/authorize/);
  await action(page, WORDS.allow).waitFor();
}

export async function onDonePage(page) {
  await page.waitForURL(/\/connect\/flow\/[^/]+\/done/);
  assert.match(await heading(page), WORDS.connected);
}

/** The text of the page's first-level heading. */
export async function heading(page) {
  return (await page.locator("h1").first().innerText()).trim();
}

export async function text(page) {
  return page.locator("body").innerText();
}

/** With the mouse from the provider's page to the sandbox's consent. */
export async function goToSandbox(page) {
  await action(page, WORDS.continue).click();
  await onSandboxConsent(page);
}

/** With the mouse from the opened link to success. */
export async function connect(page, link) {
  await openLink(page, link);
  await goToSandbox(page);
  await action(page, WORDS.allow).click();
  await onDonePage(page);
}

/** With the mouse from the opened link to the page that says that access was denied. */
export async function deny(page, link) {
  await openLink(page, link);
  await goToSandbox(page);
  await action(page, WORDS.deny).click();
  await page.waitForURL((url) => url.pathname.startsWith("/connect"));
}
