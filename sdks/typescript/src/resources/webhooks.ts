// URLs subscribed to event types, and the verification of what arrives there.

import type { CreateOptions, HttpClient } from "../http.js";
import { readPayload } from "../payload.js";
import { verifySignature } from "../signature.js";
import type {
  Delivery,
  DeliveryQuery,
  NewWebhookEndpoint,
  Page,
  PageQuery,
  PanoraEvent,
  SecretRotation,
  WebhookEndpoint,
  WebhookEndpointChange,
} from "../types.js";

const pathOf = (id: string, action = "") => `/webhooks/${encodeURIComponent(id)}${action}`;

export class Webhooks {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /**
   * The event in a webhook's body, once it is certain that Panora signed it less than five minutes ago.
   *
   * No request is made. The payload is the parsed body (`express.json()` and `request.body`), or its raw text or
   * bytes.
   *
   * @param signature the `Panora-Signature` header
   * @param secret the endpoint's `whsec_` secret
   * @throws {WebhookVerificationError} whose `code` says what is wrong
   */
  async verifyEvent<Data = any>(
    payload: unknown,
    signature: string | string[] | undefined,
    secret: string,
  ): Promise<PanoraEvent<Data>> {
    const { bytes, read } = readPayload(payload);
    await verifySignature(bytes, signature, secret, Math.floor(Date.now() / 1000));
    return read() as PanoraEvent<Data>;
  }

  /** The answer holds the secret with which every delivery is signed. */
  create(endpoint: NewWebhookEndpoint, options: CreateOptions = {}): Promise<WebhookEndpoint> {
    return this.#http.request("POST", "/webhooks", { body: endpoint, ...options });
  }

  list(query?: PageQuery): Promise<WebhookEndpoint[]> {
    return this.#http.request("GET", "/webhooks", { query });
  }

  get(id: string): Promise<WebhookEndpoint> {
    return this.#http.request("GET", pathOf(id));
  }

  /** Fields that are left out stay. */
  update(id: string, change: WebhookEndpointChange): Promise<WebhookEndpoint> {
    return this.#http.request("PUT", pathOf(id), { body: change });
  }

  /** Deletes the endpoint and cancels what was not delivered there. */
  delete(id: string): Promise<WebhookEndpoint> {
    return this.#http.request("DELETE", pathOf(id));
  }

  /** Gives a new secret; the old one signs too for `grace_seconds`, a day unless given. */
  rotateSecret(id: string, rotation: SecretRotation = {}): Promise<WebhookEndpoint> {
    return this.#http.request("POST", pathOf(id, "/rotate_secret"), { body: rotation });
  }

  revealSecret(id: string): Promise<WebhookEndpoint> {
    return this.#http.request("POST", pathOf(id, "/reveal_secret"));
  }

  /** What was sent there, newest first. */
  deliveries(id: string, query?: DeliveryQuery): Promise<Page<Delivery>> {
    return this.#http.request("GET", pathOf(id, "/deliveries"), { query });
  }

  /** All deliveries, fetched page by page. */
  allDeliveries(id: string, query?: DeliveryQuery): AsyncGenerator<Delivery, void, undefined> {
    return this.#http.items(pathOf(id, "/deliveries"), query);
  }
}
