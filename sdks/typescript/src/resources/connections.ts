// Accounts that were connected.

import type { CreateOptions, HttpClient } from "../http.js";
import type {
  Connection,
  ConnectionChange,
  ConnectionQuery,
  ListedConnection,
  NewConnection,
  RevokedConnection,
} from "../types.js";

export class Connections {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  list(query?: ConnectionQuery): Promise<ListedConnection[]> {
    return this.#http.request("GET", "/connections", { query });
  }

  /** All of them, fetched page by page. */
  all(query?: ConnectionQuery): AsyncGenerator<ListedConnection, void, undefined> {
    return this.#http.items("/connections", query);
  }

  get(id: string): Promise<Connection> {
    return this.#http.request("GET", `/connections/${encodeURIComponent(id)}`);
  }

  /** Imports credentials that you already have; those of a standing connection's account renew it. */
  create(connection: NewConnection, options: CreateOptions = {}): Promise<Connection> {
    return this.#http.request("POST", "/connections", { body: connection, ...options });
  }

  /** Replaces the metadata whole. */
  update(id: string, change: ConnectionChange): Promise<Connection> {
    return this.#http.request("PATCH", `/connections/${encodeURIComponent(id)}`, { body: change });
  }

  /** Revokes it at the provider where it can be, then in Panora. */
  delete(id: string): Promise<RevokedConnection> {
    return this.#http.request("DELETE", `/connections/${encodeURIComponent(id)}`);
  }
}
