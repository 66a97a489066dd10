// A signed delivery as Panora makes it, by Node's own crypto instead of the code under test.

import { createHmac, randomBytes } from "node:crypto";
import { canonicalJson } from "../src/index.js";

export const EVENT = {
  id_event: "0193-1",
  type: "connection.created",
  created_at: "2026-01-01T00:00:00.000Z",
  id_project: "0193-2",
  data: { "10": "ten", "9": "nine", connection_token: "ct_1", account: { name: "Ünïcode 😀" }, amount: 1e21 },
};

export const now = () => Math.floor(Date.now() / 1000);

export function newSecret(length = 32): string {
  return `whsec_${randomBytes(length).toString("base64")}`;
}

export function hexSignature(body: string | Uint8Array, secret: string, timestamp: number): string {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return createHmac("sha256", key).update(`${timestamp}.`).update(body).digest("hex");
}

export function headerFor(body: string | Uint8Array, secret: string, timestamp = now()): string {
  return `t=${timestamp},v1=${hexSignature(body, secret, timestamp)}`;
}

/** A delivery of {@link EVENT}. */
export function delivery(timestamp = now()) {
  const secret = newSecret();
  const body = canonicalJson(EVENT);
  return { secret, body, timestamp, header: headerFor(body, secret, timestamp) };
}
