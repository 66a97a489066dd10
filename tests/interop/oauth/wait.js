// What follows by itself is waited for.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

/** What `look` finds, once it finds something; `what` names it where it never does. */
export async function until(what, look) {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = await look();
    if (found) return found;
    await pause(25);
  }
  assert.fail(`never: ${what}`);
}
