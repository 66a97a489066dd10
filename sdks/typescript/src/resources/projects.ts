// The key's own project.

import type { HttpClient } from "../http.js";
import type { Project } from "../types.js";

export class Projects {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  list(): Promise<Project[]> {
    return this.#http.request("GET", "/projects");
  }
}
