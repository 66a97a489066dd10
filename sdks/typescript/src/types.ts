// What the API takes and answers. Names are those of the wire, so that code, documentation and logs agree.

/** Any JSON object. */
export type JsonObject = Record<string, unknown>;

/** A page of one of the newer lists. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
  prev_cursor: string | null;
}

/** How much of a list to answer, and from where. */
export interface PageQuery {
  /** 1 to 200; 50 unless given. */
  limit?: number;
  cursor?: string;
}

/** A fact that never changes: what a webhook carries. */
export interface PanoraEvent<Data = any> {
  id_event: string;
  /** Such as `connection.created`. */
  type: string;
  /** RFC 3339, UTC. */
  created_at: string;
  id_project: string;
  data: Data;
}

export interface Project {
  id_project: string;
  name: string;
  logo_url: string | null;
  color: string | null;
  support_email: string | null;
  privacy_url: string | null;
  allowed_origins: string[];
  return_urls: string[];
  hand_over: boolean;
  created_at: string;
}

export interface LinkedUser {
  id_linked_user: string;
  /** The person's id in your own system. */
  linked_user_origin_id: string;
  alias: string | null;
  id_project: string;
}

export interface NewLinkedUser {
  linked_user_origin_id: string;
  alias?: string;
}

export interface NewLinkedUsers {
  /** At most 500. */
  linked_user_origin_ids: string[];
  alias?: string;
}

/** Names a person by either id; an unknown `linked_user_origin_id` makes the linked user. */
export type Person =
  | { id_linked_user: string; linked_user_origin_id?: undefined }
  | { linked_user_origin_id: string; id_linked_user?: undefined };

export type NewMagicLink = Person & {
  alias?: string;
  email?: string;
  providers?: string[];
  verticals?: string[];
  /** Makes it a re-authorisation of that connection. */
  id_connection?: string;
  return_url?: string;
  locale?: string;
  metadata?: JsonObject;
  /** Seconds, 60 to 2,592,000; 7 days unless given. */
  expires_in?: number;
  /** Whether the first connection uses the link up; true unless given. */
  single_use?: boolean;
};

export interface MagicLink {
  id_magic_link: string;
  /** Shown once: with the answer that made it. */
  url?: string;
  id_linked_user: string;
  status: "active" | "used" | "expired" | "revoked";
  expires_at: string;
  created_at: string;
  email: string | null;
  providers: string[];
  verticals: string[];
  id_connection: string | null;
  return_url: string | null;
  locale: string | null;
  metadata: JsonObject;
  single_use: boolean;
  /** With a single link only. */
  timeline?: { step: string; at: string; detail: string | null }[];
}

/** The Connection Object: one linked user's authorised account at one provider. */
export interface Connection {
  id_connection: string;
  status: "valid" | "needs_reauth" | "revoked";
  /** Secret: names the connection in passthrough calls. */
  connection_token: string;
  provider_slug: string;
  vertical: string;
  token_type: "oauth2" | "apikey" | "basic";
  /** The exact kind, such as `oauth2_code`. */
  auth_kind: string;
  /** This account's API base URL. */
  account_url: string;
  /** Null where the credential does not expire. */
  expiration_timestamp: string | null;
  account: { id: string | null; name: string | null; email: string | null };
  scopes: string[];
  /** Asked for and not granted. */
  missing_scopes: string[];
  created_at: string;
  id_project: string;
  id_linked_user: string;
  metadata: JsonObject;
}

/** Filters of `GET /connections`; `metadata.<key>` compares a top-level string of the metadata. */
export type ConnectionQuery = PageQuery & {
  provider_slug?: string;
  vertical?: string;
  id_linked_user?: string;
  linked_user_origin_id?: string;
  status?: Connection["status"];
} & { [key: `metadata.${string}`]: string | undefined };

/** Credentials that you already have. */
export type NewConnection = Person & {
  alias?: string;
  provider_slug: string;
  /**
   * `{access_token, refresh_token?, expires_in? | expires_at?, scope?}` for OAuth, the provider's own fields
   * otherwise, plus its variables such as a subdomain.
   */
  credentials: JsonObject;
  metadata?: JsonObject;
  /** Whether to try the credentials at the provider first. */
  verify?: boolean;
};

export interface WebhookEndpoint {
  id_webhook_endpoint: string;
  url: string;
  endpoint_description: string;
  /** Whole after creation, rotation and revealing; `whsec_[redacted]` elsewhere. */
  secret: string;
  active: boolean;
  scope: string[];
  status: string;
  rate_limit: number | null;
  retry_schedule: number[];
  /** Custom headers by name; values read `[redacted]`. */
  headers: Record<string, string>;
  created_at: string;
  last_update: string;
  id_project: string;
}

export interface NewWebhookEndpoint {
  url: string;
  description?: string;
  /** Event types, with trailing wildcards: `connection.created`, `connection.*`, `*`. */
  scope: string[];
  active?: boolean;
  /** Deliveries a second, 1 to 10,000. */
  rate_limit?: number;
  headers?: Record<string, string>;
  /** Seconds between tries: 0 to 20 of 1 to 86,400. */
  retry_schedule?: number[];
  /** Your own `whsec_` of 24 to 64 bytes. */
  secret?: string;
}

export interface Delivery {
  id_delivery: string;
  id_event: string;
  id_webhook_endpoint: string;
  event_type: string;
  status: "pending" | "waiting" | "delivered" | "failed" | "cancelled";
  tries: number;
  next_attempt_at: string | null;
  created_at: string;
  ended_at: string | null;
}

export interface DeliveryQuery extends PageQuery {
  status?: Delivery["status"];
  type?: string;
  since?: string;
  until?: string;
  id_event?: string;
}

export interface Provider {
  slug: string;
  name: string;
  verticals: string[];
  token_type: Connection["token_type"];
  auth_kind: string;
  /** Whether this project offers it. */
  enabled: boolean;
  /** Whether somebody could connect it now. */
  configured: boolean;
  scopes: string[];
  docs_url: string;
  /** To register with the provider, for OAuth. */
  redirect_uri: string | null;
}

export interface PassthroughRequest {
  /** The connection's token, from its `connection.created` event. */
  connectionToken: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";
  /** Path and query below the account's base URL. */
  path: string;
  data?: unknown;
  headers?: Record<string, string>;
  /** Another host that the provider's file lists. */
  overrideBaseUrl?: string;
  /** How `data` is sent; `json` unless given. */
  requestFormat?: "json" | "form" | "text";
}

/** What the provider answered, whatever that is. */
export interface PassthroughAnswer<Data = any> {
  url: string;
  status: number;
  headers: Record<string, string>;
  data: Data;
  /** Where `data` is a string that was no JSON. */
  encoding?: "utf8" | "base64";
}
