// The server and the TypeScript library write the same canonical text for whatever a request may say.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canonicalJson } from "@panora/sdk-typescript";
import { canonicalTexts } from "./support/panora.js";
import { newPayload } from "./support/payloads.js";
import { newRandom } from "./support/random.js";

const COUNT = process.env.PANORA_TEST_FULL ? 100_000 : 5_000;

describe(`for ${COUNT} payloads full of traps`, () => {
  const random = newRandom();
  const payloads = Array.from({ length: COUNT }, () => newPayload(random));
  const canonical = canonicalTexts(payloads.map(({ text }) => text));

  it("the server takes each", () => {
    assert.equal(canonical.length, COUNT);
    for (const [at, text] of canonical.entries()) assert.ok(!text.startsWith("error"), `${text}: ${payloads[at].text}`);
  });

  it("the library writes the server's text again, so that a parsed body verifies", () => {
    for (const text of canonical) assert.equal(canonicalJson(JSON.parse(text)), text);
  });

  it("the library writes the server's text of the input, where a double says each number", () => {
    const exact = payloads.map(({ exact }, at) => (exact ? at : -1)).filter((at) => at >= 0);
    assert.ok(exact.length > COUNT / 2);
    for (const at of exact) assert.equal(canonicalJson(JSON.parse(payloads[at].text)), canonical[at]);
  });

  it("the server's text of its own text is the same", () => {
    assert.deepEqual(canonicalTexts(canonical), canonical);
  });
});
