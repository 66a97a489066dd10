// URLs you send to end users.

import type { CreateOptions, HttpClient } from "../http.js";
import type { MagicLink, NewMagicLink, Page, PageQuery } from "../types.js";

export class MagicLinks {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** The answer's `url` is shown this once. */
  create(link: NewMagicLink, options: CreateOptions = {}): Promise<MagicLink> {
    return this.#http.request("POST", "/magic_links", { body: link, ...options });
  }

  list(query?: PageQuery): Promise<Page<MagicLink>> {
    return this.#http.request("GET", "/magic_links", { query });
  }

  /** All of them, fetched page by page. */
  all(query?: PageQuery): AsyncGenerator<MagicLink, void, undefined> {
    return this.#http.items("/magic_links", query);
  }

  /** With its timeline. */
  get(id: string): Promise<MagicLink> {
    return this.#http.request("GET", `/magic_links/${encodeURIComponent(id)}`);
  }

  /** Gives the link a fresh URL with its original life; the old URL ends. */
  resend(id: string, options: CreateOptions = {}): Promise<MagicLink> {
    return this.#http.request("POST", `/magic_links/${encodeURIComponent(id)}/resend`, options);
  }

  revoke(id: string): Promise<MagicLink> {
    return this.#http.request("DELETE", `/magic_links/${encodeURIComponent(id)}`);
  }
}
