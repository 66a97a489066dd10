// A webhook's body in the forms that frameworks hand over, as the bytes that were signed.

import { CanonicalJsonError, canonicalJson } from "./canonical.js";
import { WebhookVerificationError } from "./errors.js";

/** The bytes that were signed, and how to read the event once they are verified. */
export interface Payload {
  bytes: Uint8Array;
  read: () => unknown;
}

/** Takes raw bytes and text as they are, and writes the canonical text of a parsed body. */
export function readPayload(payload: unknown): Payload {
  if (typeof payload === "string") {
    return { bytes: new TextEncoder().encode(payload), read: () => parse(payload) };
  }
  const bytes = bytesOf(payload);
  if (bytes !== undefined) {
    return { bytes, read: () => parse(new TextDecoder().decode(bytes)) };
  }
  if (typeof payload !== "object" || payload === null) {
    throw invalid(`The payload is ${payload === null ? "null" : typeof payload}: does a body parser run before this?`);
  }
  try {
    return { bytes: new TextEncoder().encode(canonicalJson(payload)), read: () => payload };
  } catch (error) {
    if (error instanceof CanonicalJsonError) throw invalid(`The payload is not parsed JSON: ${error.message}.`);
    throw error;
  }
}

function bytesOf(payload: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(payload)) return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  // By its name: an ArrayBuffer of another realm is no instance of ours.
  const isBuffer = Object.prototype.toString.call(payload) === "[object ArrayBuffer]";
  return isBuffer ? new Uint8Array(payload as ArrayBuffer) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid("The payload is not JSON.");
  }
}

function invalid(message: string): WebhookVerificationError {
  return new WebhookVerificationError("invalid_payload", message);
}
