// One Chromium for a test file, and visitors in it: each is a separate browser as far as a server can tell.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const ARGUMENTS = [
  "--no-sandbox",
  "--headless",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

export function launchBrowser() {
  return chromium.launch({ executablePath: findChromium(), args: ARGUMENTS });
}

/**
 * A person with a browser of their own. Gives its `page`, its `troubles` (what a developer would see go wrong, in
 * words) and `leave`. Nothing but the server at `url` can be reached.
 */
export async function newVisitor(browser, url, { scripts = true, screen = DESKTOP, scheme = "light" } = {}) {
  const context = await browser.newContext({
    javaScriptEnabled: scripts,
    viewport: screen,
    colorScheme: scheme,
    reducedMotion: "reduce",
    locale: "en-GB",
  });
  return visitorIn(context, url, () => context.close());
}

/** The same with a browser that was told to keep no cookies: it has to be one of its own. */
export async function newVisitorWithoutCookies(url) {
  const profile = await mkdtemp(join(tmpdir(), "panora-profile-"));
  await mkdir(join(profile, "Default"));
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } }; // 2 is "block"
  await writeFile(join(profile, "Default/Preferences"), JSON.stringify(settings));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findChromium(),
    args: ARGUMENTS,
    viewport: DESKTOP,
    locale: "en-GB",
  });
  return visitorIn(context, url, async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
}

async function visitorIn(context, url, leave) {
  const troubles = [];
  await context.route(
    (asked) => asked.origin !== url,
    (route) => {
      troubles.push(`asked another host: ${route.request().url()}`);
      return route.abort();
    },
  );
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  watch(page, troubles);
  return { page, troubles, leave };
}

// A page of status 4xx is what some promises are about, and the browser reports each on the console: what counts is
// anything else that it reports, and anything that a page asked for in vain.
function watch(page, troubles) {
  page.on("console", (message) => {
    const ofPage = message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !ofPage) {
      troubles.push(`console on ${page.url()}: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => troubles.push(`script on ${page.url()}: ${error.message}`));
  page.on("response", (response) => {
    const isPage = response.request().isNavigationRequest();
    if (response.status() >= (isPage ? 500 : 400)) troubles.push(`${response.status()} for ${response.url()}`);
  });
}

function findChromium() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = [process.env.PANORA_CHROMIUM, ...candidates].find((file) => file && existsSync(file));
  if (!found) throw new Error(`none of ${NAMES.join(", ")} is installed: set PANORA_CHROMIUM`);
  return found;
}
