// The built package works from both kinds of modules, and where there is no `process`.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { createContext, runInContext } from "node:vm";
import { readFileSync } from "node:fs";
import { delivery, EVENT } from "./support.js";

const require = createRequire(import.meta.url);
const name = "@panora/sdk-typescript";

describe("the package", () => {
  it("is an ES module", async () => {
    const { PanoraSDK } = await import(name);
    const { secret, header, body } = delivery();
    assert.deepEqual(await new PanoraSDK({ accessToken: "k" }).webhook.verifyEvent(body, header, secret), EVENT);
  });

  it("is CommonJS too", async () => {
    const { PanoraSDK } = require(name);
    const { secret, header, body } = delivery();
    assert.deepEqual(await new PanoraSDK({ accessToken: "k" }).webhook.verifyEvent(body, header, secret), EVENT);
  });

  it("can be made where there is no `process`", () => {
    const sdk = readFileSync(require.resolve(name).replace("index.js", "sdk.js"), "utf8");
    const sandbox = createContext({ exports: {}, require: createRequire(require.resolve(name)) });
    const made = runInContext(`${sdk}; typeof process + typeof new exports.PanoraSDK({ accessToken: "k" })`, sandbox);
    assert.equal(made, "undefinedobject");
  });
});
