// What end users of the project can connect.

import type { HttpClient } from "../http.js";
import type { Page, Provider, ProviderChange } from "../types.js";

export class Providers {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  list(): Promise<Page<Provider>> {
    return this.#http.request("GET", "/providers");
  }

  get(slug: string): Promise<Provider> {
    return this.#http.request("GET", `/providers/${encodeURIComponent(slug)}`);
  }

  /** Switches a provider on or off for this project. */
  update(slug: string, change: ProviderChange): Promise<Provider> {
    return this.#http.request("PATCH", `/providers/${encodeURIComponent(slug)}`, { body: change });
  }
}
