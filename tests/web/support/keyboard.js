// A person who has only a keyboard: Tab until the wanted thing has the focus, then Enter.

import assert from "node:assert/strict";

const MOST_STOPS = 80;

/** Tabs to the link or button of that name and presses Enter. Every stop on the way must be visible. */
export async function pressByKeyboard(page, name) {
  for (let stop = 0; stop < MOST_STOPS; stop += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(describeFocus);
    if (!focused) continue;
    assert.ok(focused.visible, `the focus cannot be seen on "${focused.name}" of ${page.url()}`);
    if (focused.acts && name.test(focused.name)) {
      await page.keyboard.press("Enter");
      return;
    }
  }
  assert.fail(`${MOST_STOPS} presses of Tab never came to ${name} on ${page.url()}`);
}

// Runs in the page. Browsers draw an outline by default; a page that takes it away has to put something in its place.
function describeFocus() {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return {
    name: (element.getAttribute("aria-label") ?? element.textContent ?? element.value ?? "").trim(),
    acts: element.matches("a[href], button, input[type=submit]"),
    visible: outlined || style.boxShadow !== "none",
  };
}
