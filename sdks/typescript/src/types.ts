// What the API takes and answers, from its OpenAPI document. Names are those of the wire, so that code, documentation
// and logs agree. By hand is only what OpenAPI cannot say.

import type { components, operations } from "./openapi.js";

type Schemas = components["schemas"];
type QueryOf<Name extends keyof operations> = NonNullable<operations[Name]["parameters"]["query"]>;

/** Any JSON object. */
export type JsonObject = Record<string, unknown>;

/** A page of one of the newer lists. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
  prev_cursor: string | null;
}

/** How much of a list to answer, and from where. */
export type PageQuery = QueryOf<"listMagicLinks">;

/** The types of events there are. */
export type EventType = Schemas["EventType"];

/** A fact that never changes: what a webhook carries. */
export interface PanoraEvent<Data = any> {
  id_event: string;
  /** Such as `connection.created`: an {@link EventType}, or one that is newer than this library. */
  type: string;
  /** RFC 3339, UTC. */
  created_at: string;
  id_project: string;
  data: Data;
}

export type Project = Schemas["Project"];
export type LinkedUser = Schemas["LinkedUser"];
export type NewLinkedUser = Schemas["NewLinkedUser"];
export type NewLinkedUsers = Schemas["NewLinkedUsers"];
export type Provider = Schemas["Provider"];
export type ProviderChange = Schemas["ProviderChange"];

/** Names a person by either id; an unknown `linked_user_origin_id` makes the linked user. */
export type Person =
  | { id_linked_user: string; linked_user_origin_id?: undefined }
  | { linked_user_origin_id: string; id_linked_user?: undefined };

type WithPerson<Body> = Person & Omit<Body, "id_linked_user" | "linked_user_origin_id">;

export type MagicLink = Schemas["MagicLink"];
export type NewMagicLink = WithPerson<Schemas["NewMagicLink"]>;

/** The Connection Object: one linked user's authorised account at one provider. */
export type Connection = Schemas["Connection"];
export type ListedConnection = Schemas["ListedConnection"];
export type RevokedConnection = Schemas["RevokedConnection"];
export type ConnectionChange = Schemas["ConnectionChange"];
/** Credentials that you already have. */
export type NewConnection = WithPerson<Schemas["NewConnection"]>;
/** Filters of `GET /connections`; `metadata.<key>` compares a top-level string of the metadata. */
export type ConnectionQuery = Omit<QueryOf<"listConnections">, "metadata.{key}"> & {
  [key: `metadata.${string}`]: string | undefined;
};

export type WebhookEndpoint = Schemas["WebhookEndpoint"];
export type NewWebhookEndpoint = Schemas["NewEndpoint"];
export type WebhookEndpointChange = Schemas["ChangedEndpoint"];
export type SecretRotation = Schemas["Rotation"];

export type Delivery = Schemas["Delivery"];
/** Filters of an endpoint's delivery log; `since` is included, `until` is not. */
export type DeliveryQuery = QueryOf<"listDeliveries">;

export type PassthroughRequest = Omit<Schemas["ProviderCall"], "request_format"> & {
  /** The connection's token, from its `connection.created` event. */
  connectionToken: string;
  /** How `data` is sent; `json` unless given. */
  requestFormat?: Schemas["RequestFormat"];
};

/** What the provider answered, whatever that is. */
export type PassthroughAnswer<Data = any> = Omit<Schemas["ProviderAnswer"], "data"> & { data: Data };
