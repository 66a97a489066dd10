// Calls to a provider with a connection token.

import type { HttpClient } from "../http.js";
import type { PassthroughAnswer, PassthroughRequest } from "../types.js";

export class Passthrough {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /**
   * Calls the provider of a connection. The promise holds whatever the provider answered, its errors included:
   * look at `status`. What is thrown is Panora's own.
   */
  request<Data = any>(call: PassthroughRequest): Promise<PassthroughAnswer<Data>> {
    const { connectionToken, requestFormat, ...body } = call;
    return this.#http.request("POST", "/passthrough", {
      body: requestFormat === undefined ? body : { ...body, request_format: requestFormat },
      headers: { "x-connection-token": connectionToken },
    });
  }
}
