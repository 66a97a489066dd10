// A library of Standard Webhooks verifies a delivery with the same secret.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Webhook } from "standardwebhooks";
import { EVENT, newSecret, signedDelivery } from "./support/panora.js";

describe("npm's standardwebhooks", () => {
  it("verifies a delivery", () => {
    for (const length of [24, 32, 64]) {
      const secret = newSecret(length);
      const { headers, body } = signedDelivery({ secrets: [secret], event: EVENT });
      assert.deepEqual(new Webhook(secret).verify(body, headers), EVENT);
    }
  });

  it("verifies by either secret of a rotation", () => {
    const secrets = [newSecret(), newSecret()];
    const { headers, body } = signedDelivery({ secrets, event: EVENT });
    for (const secret of secrets) assert.deepEqual(new Webhook(secret).verify(body, headers), EVENT);
  });

  it("refuses another secret", () => {
    const { headers, body } = signedDelivery({ secrets: [newSecret()], event: EVENT });
    assert.throws(() => new Webhook(newSecret()).verify(body, headers));
  });
});
