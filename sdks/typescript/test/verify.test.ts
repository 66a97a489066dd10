// What a receiver can rely on: only what Panora signed passes, in every form a framework hands over.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PanoraSDK, type WebhookVerificationCode, WebhookVerificationError } from "../src/index.js";
import { verifySignature } from "../src/signature.js";
import { delivery, EVENT, headerFor, hexSignature, newSecret, now } from "./support.js";

const { webhook } = new PanoraSDK({ accessToken: "unused" });

async function refused(verification: Promise<unknown>): Promise<WebhookVerificationError> {
  const outcome = await verification.catch((error: unknown) => error);
  assert.ok(outcome instanceof WebhookVerificationError, `not refused: ${outcome}`);
  return outcome;
}

async function assertRefused(verification: Promise<unknown>, code: WebhookVerificationCode) {
  assert.equal((await refused(verification)).code, code);
}

describe("a signed event is verified", () => {
  it("as a parsed object, whatever the order of its keys", async () => {
    const { secret, header } = delivery();
    const shuffled = Object.fromEntries(Object.entries(EVENT).reverse());
    assert.equal(await webhook.verifyEvent(shuffled, header, secret), shuffled);
  });

  it("as text", async () => {
    const { secret, header, body } = delivery();
    assert.deepEqual(await webhook.verifyEvent(body, header, secret), EVENT);
  });

  it("as bytes of any kind", async () => {
    const { secret, header, body } = delivery();
    const buffer = Buffer.from(body);
    const own = new Uint8Array(buffer);
    for (const bytes of [buffer, own, own.buffer, new DataView(own.buffer)]) {
      assert.deepEqual(await webhook.verifyEvent(bytes, header, secret), EVENT);
    }
  });

  it("with the header as an array", async () => {
    const { secret, header, body } = delivery();
    assert.deepEqual(await webhook.verifyEvent(body, [header], secret), EVENT);
  });

  it("by either secret of a rotation", async () => {
    const { secret, header, body, timestamp } = delivery();
    const older = newSecret();
    const both = `${header},v1=${hexSignature(body, older, timestamp)}`;
    for (const one of [secret, older]) assert.deepEqual(await webhook.verifyEvent(body, both, one), EVENT);
    await assertRefused(webhook.verifyEvent(body, both, newSecret()), "no_match");
  });

  it("beside unknown versions", async () => {
    const { secret, body, timestamp } = delivery();
    const header = `v0=x, t=${timestamp},v2=abc , v1=${hexSignature(body, secret, timestamp)}`;
    assert.deepEqual(await webhook.verifyEvent(body, header, secret), EVENT);
  });

  it("with secrets of 24 to 64 bytes", async () => {
    const { body } = delivery();
    for (const length of [24, 25, 64]) {
      const secret = newSecret(length);
      await webhook.verifyEvent(body, headerFor(body, secret), secret);
    }
  });

  it("where Web Crypto is no global, as in Node 18", async () => {
    const { secret, header, body } = delivery();
    const crypto = Object.getOwnPropertyDescriptor(globalThis, "crypto");
    Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
    try {
      assert.deepEqual(await webhook.verifyEvent(body, header, secret), EVENT);
    } finally {
      if (crypto) Object.defineProperty(globalThis, "crypto", crypto);
    }
  });
});

describe("a changed delivery is refused", () => {
  it("with any one byte of the body changed", async () => {
    const { secret, header, body } = delivery();
    for (let at = 0; at < body.length; at += 1) {
      const changed = Buffer.from(body);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await assertRefused(webhook.verifyEvent(changed, header, secret), "no_match");
    }
  });

  it("with raw bytes that only mean the same", async () => {
    const { secret, header, body } = delivery();
    await assertRefused(webhook.verifyEvent(` ${body}`, header, secret), "no_match");
  });

  it("with one field of the object changed", async () => {
    const { secret, header } = delivery();
    await assertRefused(webhook.verifyEvent({ ...EVENT, type: "connection.revoked" }, header, secret), "no_match");
  });

  it("with any one character of the header changed", async () => {
    const { secret, header, body } = delivery();
    for (let at = 0; at < header.length; at += 1) {
      const other = header[at] === "1" ? "2" : "1";
      await refused(webhook.verifyEvent(body, header.slice(0, at) + other + header.slice(at + 1), secret));
    }
  });

  it("with another secret", async () => {
    const { header, body } = delivery();
    await assertRefused(webhook.verifyEvent(body, header, newSecret()), "no_match");
  });

  it("301 seconds after it was signed, and as far ahead", async () => {
    const body = "{}";
    const secret = newSecret();
    await assertRefused(webhook.verifyEvent(body, headerFor(body, secret, now() - 301), secret), "too_old");
    await assertRefused(webhook.verifyEvent(body, headerFor(body, secret, now() + 330), secret), "too_new");
  });

  it("but not 300 seconds away", async () => {
    const bytes = Buffer.from("{}");
    const secret = newSecret();
    const header = headerFor(bytes, secret, 1_700_000_000);
    await verifySignature(bytes, header, secret, 1_700_000_300);
    await verifySignature(bytes, header, secret, 1_699_999_700);
    await assertRefused(verifySignature(bytes, header, secret, 1_700_000_301), "too_old");
    await assertRefused(verifySignature(bytes, header, secret, 1_699_999_699), "too_new");
  });
});

describe("an unusable header is refused", () => {
  const { secret, header, body, timestamp } = delivery();
  const signature = header.split(",")[1];
  const samples: [string, string | string[] | undefined, WebhookVerificationCode][] = [
    ["none", undefined, "missing_header"],
    ["an empty one", "", "missing_header"],
    ["an empty list", [], "missing_header"],
    ["garbage", "garbage", "malformed_header"],
    ["no time", `${signature}`, "malformed_header"],
    ["two times", `${header},t=${timestamp}`, "malformed_header"],
    ["two headers", [header, header], "malformed_header"],
    ["a time that is no number", `t=now,${signature}`, "malformed_header"],
    ["a time with a sign", `t=+${timestamp},${signature}`, "malformed_header"],
    ["a time with zeros before it", `t=0${timestamp},${signature}`, "malformed_header"],
    ["an endless time", `t=${"9".repeat(400)},${signature}`, "malformed_header"],
    ["an endless header", `${header},v9=${"a".repeat(5000)}`, "malformed_header"],
    ["no signature of a known version", `t=${timestamp},v2=aa`, "no_signature"],
    ["half a signature", header.slice(0, -2), "no_match"],
    ["an empty signature", `t=${timestamp},v1=`, "no_match"],
  ];
  for (const [name, value, code] of samples) {
    it(name, () => assertRefused(webhook.verifyEvent(body, value, secret), code));
  }
});

describe("an unusable secret is refused", () => {
  const { secret, header, body } = delivery();
  const samples: [string, unknown][] = [
    ["none", undefined],
    ["an empty one", ""],
    ["one without its prefix", secret.slice("whsec_".length)],
    ["the placeholder of the guide", "whsec_..."],
    ["23 bytes", newSecret(23)],
    ["65 bytes", newSecret(65)],
    ["what is redacted in lists", "whsec_[redacted]"],
  ];
  for (const [name, value] of samples) {
    it(name, () => assertRefused(webhook.verifyEvent(body, header, value as string), "invalid_secret"));
  }
});

describe("an unusable payload is refused", () => {
  const { secret, header } = delivery();
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const samples: [string, unknown][] = [
    ["none, for want of a body parser", undefined],
    ["null", null],
    ["a number", 1],
    ["a cycle", cyclic],
    ["what JSON has no word for", { a: undefined }],
  ];
  for (const [name, value] of samples) {
    it(name, () => assertRefused(webhook.verifyEvent(value, header, secret), "invalid_payload"));
  }

  it("signed text that is no JSON", async () => {
    await assertRefused(webhook.verifyEvent("hello", headerFor("hello", secret), secret), "invalid_payload");
  });
});

describe("an error", () => {
  it("holds neither the secret nor the expected signature", async () => {
    const { secret, body, timestamp } = delivery();
    const expected = hexSignature(body, secret, timestamp);
    const bare = secret.slice("whsec_".length);
    const attempts = [
      [`t=${timestamp},v1=${"0".repeat(64)}`, secret],
      [headerFor(body, secret), bare],
      [headerFor(body, secret), `${secret}!`],
    ] as const;
    for (const [header, given] of attempts) {
      const error = await refused(webhook.verifyEvent(body, header, given));
      const text = [error.message, error.stack, JSON.stringify(error), String(error.cause)].join(" ");
      assert.ok(!text.includes(bare) && !text.includes(expected));
    }
  });
});
