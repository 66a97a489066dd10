// Verifies the `Panora-Signature` header. It must never say what would have fitted, nor compare signatures itself:
// Web Crypto's `verify` takes the same time wherever they differ.

import { webCrypto } from "./crypto.js";
import { WebhookVerificationError } from "./errors.js";

/** How far a signature's time may lie before or after ours, in seconds; this far is still taken. */
const TOLERANCE_SECONDS = 300;

/** Room for dozens of signatures; what is longer was not made by Panora. */
const MAX_HEADER = 4096;

const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

/** Throws a {@link WebhookVerificationError} unless `secret` signed `body` within 300 seconds of `nowSeconds`. */
export async function verifySignature(
  body: Uint8Array,
  header: string | string[] | undefined,
  secret: string,
  nowSeconds: number,
): Promise<void> {
  const key = readSecret(secret);
  const claim = readHeader(header);
  if (!(await anyFits(claim, body, key))) {
    throw new WebhookVerificationError("no_match", "No signature fits this body and secret.");
  }
  // The time counts only once a signature fits: before, anybody could have written it.
  if (claim.timestamp < nowSeconds - TOLERANCE_SECONDS) {
    throw new WebhookVerificationError("too_old", "The signature is older than 300 seconds.");
  }
  if (claim.timestamp > nowSeconds + TOLERANCE_SECONDS) {
    throw new WebhookVerificationError("too_new", "The signature's time is more than 300 seconds ahead.");
  }
}

interface Claim {
  timestamp: number;
  signatures: Uint8Array<ArrayBuffer>[];
}

async function anyFits(claim: Claim, body: Uint8Array, secret: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const { subtle } = await webCrypto();
  const key = await subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const prefix = new TextEncoder().encode(`${claim.timestamp}.`);
  const signed = new Uint8Array(prefix.length + body.length);
  signed.set(prefix);
  signed.set(body, prefix.length);
  let fits = false;
  for (const signature of claim.signatures) {
    fits = (await subtle.verify("HMAC", key, signature, signed)) || fits;
  }
  return fits;
}

function readHeader(header: string | string[] | undefined): Claim {
  // A header that came several times is one list (RFC 9110, section 5.3).
  const text = Array.isArray(header) ? header.join(",") : header;
  if (text === undefined || text === null || text === "") {
    throw new WebhookVerificationError("missing_header", "The Panora-Signature header is missing.");
  }
  const malformed = new WebhookVerificationError(
    "malformed_header",
    "The Panora-Signature header is not of the form t=<unix seconds>,v1=<hex>.",
  );
  if (typeof text !== "string" || text.length > MAX_HEADER) throw malformed;
  const parts = text.split(",").map((part) => /^([^=]*)=(.*)$/.exec(part.trim()));
  const valuesOf = (name: string) => parts.flatMap((part) => (part?.[1] === name ? [part[2] ?? ""] : []));
  const [timestamp, ...moreTimestamps] = valuesOf("t");
  if (parts.includes(null) || timestamp === undefined || moreTimestamps.length > 0) throw malformed;
  // Fifteen digits are an exact number, for the next thirty million years.
  if (!/^(0|[1-9]\d{0,14})$/.test(timestamp)) throw malformed;
  const signatures = valuesOf("v1");
  if (signatures.length === 0) {
    throw new WebhookVerificationError("no_signature", "The Panora-Signature header holds no v1 signature.");
  }
  const hex = signatures.filter((signature) => /^[0-9a-f]{64}$/i.test(signature));
  return { timestamp: Number(timestamp), signatures: hex.map(bytesOfHex) };
}

function bytesOfHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}

/** The HMAC key: the decoded bytes. */
function readSecret(secret: unknown): Uint8Array<ArrayBuffer> {
  const invalid = (why: string) => new WebhookVerificationError("invalid_secret", why);
  if (typeof secret !== "string" || secret === "") throw invalid("The endpoint's secret is missing.");
  if (!secret.startsWith("whsec_")) throw invalid("The endpoint's secret must begin with whsec_.");
  const encoded = secret.slice("whsec_".length);
  const isBase64 = encoded.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(encoded);
  if (!isBase64) throw invalid("After whsec_ the endpoint's secret must be base64.");
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  if (bytes.length < MIN_SECRET_BYTES || bytes.length > MAX_SECRET_BYTES) {
    throw invalid("The endpoint's secret must hold 24 to 64 bytes.");
  }
  return bytes;
}
