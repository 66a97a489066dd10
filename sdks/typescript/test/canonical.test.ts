// What canonical text looks like, and what has none.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CanonicalJsonError, canonicalJson } from "../src/index.js";

const ofText = (text: string) => canonicalJson(JSON.parse(text));

describe("canonical text", () => {
  it("is the example of RFC 8785, section 3.2.2", () => {
    const text = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;
    const numbers = "[333333333.3333333,1e+30,4.5,0.002,1e-27]";
    const string = String.raw`"€$\u000f\nA'B\"\\\\\"/"`;
    assert.equal(ofText(text), `{"literals":[null,true,false],"numbers":${numbers},"string":${string}}`);
  });

  it("sorts keys by UTF-16 code units, also those that look like integers", () => {
    const text = '{"\ufb33":1,"\u{1f600}":2,"9":3,"10":4,"":5,"a":6}';
    assert.equal(ofText(text), '{"":5,"10":4,"9":3,"a":6,"\u{1f600}":2,"\ufb33":1}');
  });

  it("keeps `__proto__` and `toJSON` as the data they are", () => {
    assert.equal(ofText('{"toJSON":1,"__proto__":{"a":1}}'), '{"__proto__":{"a":1},"toJSON":1}');
    const called = { toJSON: 1, constructor: null, hasOwnProperty: [] };
    assert.equal(canonicalJson(called), '{"constructor":null,"hasOwnProperty":[],"toJSON":1}');
    assert.equal(canonicalJson(Object.assign(Object.create(null), { a: 1 })), '{"a":1}');
  });

  it("ignores what an object inherits", () => {
    assert.equal(canonicalJson(Object.create({ inherited: 1 })), "{}");
  });

  it("writes numbers as ECMAScript does, and -0 as 0", () => {
    const text = "[-0,1.0,1e21,100000000000000000000,5e-324,1e-7]";
    assert.equal(ofText(text), "[0,1,1e+21,100000000000000000000,5e-324,1e-7]");
  });

  it("takes the same object in two places", () => {
    const shared = { a: 1 };
    assert.equal(canonicalJson([shared, shared]), '[{"a":1},{"a":1}]');
  });
});

describe("no canonical text", () => {
  const nested = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels));
  const cyclic: unknown[] = [];
  cyclic.push({ cyclic });

  const samples: [string, unknown, RegExp][] = [
    ["undefined", undefined, /no undefined/],
    ["undefined in an object", { a: undefined }, /no undefined/],
    ["a hole in an array", new Array(1), /no undefined/],
    ["a function", () => 1, /no function/],
    ["a symbol", Symbol("s"), /no symbol/],
    ["a bigint", 1n, /no bigint/],
    ["NaN", Number.NaN, /not finite/],
    ["infinity", [Number.POSITIVE_INFINITY], /not finite/],
    ["a lone surrogate", "\ud800", /surrogate/],
    ["a lone surrogate in a key", { "a\udc00": 1 }, /surrogate/],
    ["a cycle", cyclic, /contains itself/],
    ["1,001 levels", nested(1001), /deeper than 1,000/],
  ];
  for (const [name, value, message] of samples) {
    it(`has ${name}`, () => {
      const fits = (error: unknown) => error instanceof CanonicalJsonError && message.test(error.message);
      assert.throws(() => canonicalJson(value), fits);
    });
  }

  it("but 1,000 levels have one", () => {
    assert.equal(canonicalJson(nested(1000)).length, 2000);
  });
});
