// The Rust side: canonical text and signed deliveries, made by the code that the server runs.

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const EXAMPLES = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug/examples");
const CANONICAL = process.env.PANORA_CANONICAL_BIN ?? resolve(EXAMPLES, "canonical_lines");
const SIGN = process.env.PANORA_SIGN_BIN ?? resolve(EXAMPLES, "sign_event");

function run(program, input) {
  const { error, status, stdout, stderr } = spawnSync(program, { input, encoding: "utf8", maxBuffer: 1 << 30 });
  if (error) throw new Error(`${program}: build it with cargo build -p panora-signature --examples`, { cause: error });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout;
}

/** The canonical text of each JSON text; a refused one begins with "error". */
export function canonicalTexts(texts) {
  return run(CANONICAL, texts.join("\n")).split("\n").slice(0, texts.length);
}

export const newSecret = (length = 32) => `whsec_${randomBytes(length).toString("base64")}`;

/** A delivery as it goes over the wire: `{headers, body}`. */
export function signedDelivery({ secrets, event, age = 0 }) {
  const timestamp = Math.floor(Date.now() / 1000) - age;
  return JSON.parse(run(SIGN, JSON.stringify({ secrets, id: event.id_event, timestamp, event })));
}

/** An event with what breaks careless canonical text. */
export const EVENT = {
  id_event: "0193a5f0-0000-7000-8000-000000000001",
  type: "connection.created",
  created_at: "2026-01-01T00:00:00.000Z",
  id_project: "0193a5f0-0000-7000-8000-000000000002",
  data: {
    connection_token: "ct_example",
    account: { id: "12345", name: "Acme “Ünïcode” 😀 Inc.", email: null },
    metadata: { 10: "ten", 9: "nine", toJSON: 1e21, tiny: 5e-324, "\ufb33": "\u2028", "\u{1f600}": "\u007f\u0001" },
  },
};
