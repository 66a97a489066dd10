// What can go wrong. No error holds a secret, an expected signature or a request's body.

import type { components } from "./openapi.js";

/** What is wrong with one field: a JSON pointer into the body, or `?name` for a query parameter. */
export type FieldError = components["schemas"]["FieldError"];

/** A refusal by Panora's API (RFC 9457), or no answer from it at all. */
export class PanoraError extends Error {
  override readonly name = "PanoraError";
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  /** Stable, snake_case: compare with this. `network_error` where no answer came. */
  readonly code: string;
  /** The same as the message. */
  readonly detail: string;
  /** What is wrong, field by field. */
  readonly errors: FieldError[];
  /** Names the request in the server's log. */
  readonly requestId: string | undefined;
  /** Seconds after which to try again, where the server said so. */
  readonly retryAfter: number | undefined;

  constructor(facts: {
    status: number;
    code: string;
    detail: string;
    errors?: FieldError[];
    requestId?: string | undefined;
    retryAfter?: number | undefined;
    cause?: unknown;
  }) {
    super(facts.detail, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.status = facts.status;
    this.code = facts.code;
    this.detail = facts.detail;
    this.errors = facts.errors ?? [];
    this.requestId = facts.requestId;
    this.retryAfter = facts.retryAfter;
  }
}

/** Why a webhook is not verified. */
export type WebhookVerificationCode =
  | "missing_header"
  | "malformed_header"
  | "no_signature"
  | "no_match"
  | "too_old"
  | "too_new"
  | "invalid_secret"
  | "invalid_payload";

/** A webhook that does not come from Panora, or that this handler cannot verify; `code` says which. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
  readonly code: WebhookVerificationCode;

  constructor(code: WebhookVerificationCode, message: string) {
    super(message);
    this.code = code;
  }
}
