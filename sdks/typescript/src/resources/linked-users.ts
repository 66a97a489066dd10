// Your end users inside Panora.

import type { CreateOptions, HttpClient } from "../http.js";
import type { LinkedUser, NewLinkedUser, NewLinkedUsers, PageQuery } from "../types.js";

export class LinkedUsers {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** The same origin id again gives the same linked user; an alias given replaces the stored one. */
  create(user: NewLinkedUser, options: CreateOptions = {}): Promise<LinkedUser> {
    return this.#http.request("POST", "/linked_users", { body: user, ...options });
  }

  createBatch(users: NewLinkedUsers, options: CreateOptions = {}): Promise<LinkedUser[]> {
    return this.#http.request("POST", "/linked_users/batch", { body: users, ...options });
  }

  list(query?: PageQuery): Promise<LinkedUser[]> {
    return this.#http.request("GET", "/linked_users", { query });
  }

  /** All of them, fetched page by page. */
  all(query?: PageQuery): AsyncGenerator<LinkedUser, void, undefined> {
    return this.#http.items("/linked_users", query);
  }

  get(id: string): Promise<LinkedUser> {
    return this.#http.request("GET", `/linked_users/${encodeURIComponent(id)}`);
  }

  /** Finds a linked user by the id in your own system. */
  fromRemoteId(remoteId: string): Promise<LinkedUser> {
    return this.#http.request("GET", "/linked_users/fromRemoteId", { query: { remoteId } });
  }

  /** Revokes the person's connections and erases what is stored of the person. */
  delete(id: string): Promise<LinkedUser> {
    return this.#http.request("DELETE", `/linked_users/${encodeURIComponent(id)}`);
  }
}
