// Pictures of pages, and what a program can find wrong with one.

import { join } from "node:path";
import axe from "axe-core";
import { ROOT } from "./server.js";

export const SCREENS = join(ROOT, "tests-output/screens");

/** The faults of accessibility that axe finds. */
export async function faultsOf(page) {
  await page.evaluate(axe.source); // evaluated by the browser's debugger, which the page's policy does not bind
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map((fault) => `${fault.id}: ${fault.nodes.map((node) => node.html).join(" ")}`);
}
