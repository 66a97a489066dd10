// What the package offers.

export { CanonicalJsonError, canonicalJson } from "./canonical.js";
export {
  type FieldError,
  PanoraError,
  type WebhookVerificationCode,
  WebhookVerificationError,
} from "./errors.js";
export type { CreateOptions, Fetch } from "./http.js";
export { type PanoraOptions, PanoraSDK } from "./sdk.js";
export type * from "./types.js";
