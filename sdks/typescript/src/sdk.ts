// The entry: one object with the resources of the API.

import { type Fetch, HttpClient } from "./http.js";
import { Connections } from "./resources/connections.js";
import { LinkedUsers } from "./resources/linked-users.js";
import { MagicLinks } from "./resources/magic-links.js";
import { Passthrough } from "./resources/passthrough.js";
import { Projects } from "./resources/projects.js";
import { Providers } from "./resources/providers.js";
import { Webhooks } from "./resources/webhooks.js";

const LOCAL_SERVER = "http://127.0.0.1:3000";
const TIMEOUT_MS = 60_000;

export interface PanoraOptions {
  /** Your API key. Verifying webhooks does not use it. */
  accessToken: string;
  /** The server's address; unless given, `PANORA_URL` of the environment, else `http://127.0.0.1:3000`. */
  serverUrl?: string;
  /** How long to wait for an answer, in milliseconds; a minute unless given. */
  timeoutMs?: number;
  /** Used instead of the global `fetch`. */
  fetch?: Fetch;
}

export class PanoraSDK {
  readonly webhook: Webhooks;
  readonly linkedUsers: LinkedUsers;
  readonly magicLinks: MagicLinks;
  readonly connections: Connections;
  readonly passthrough: Passthrough;
  readonly projects: Projects;
  readonly providers: Providers;

  constructor(options: PanoraOptions) {
    const http = new HttpClient({
      serverUrl: options.serverUrl ?? environmentUrl() ?? LOCAL_SERVER,
      accessToken: options.accessToken,
      // Called through an arrow: some runtimes refuse a `fetch` that is called as another object's method.
      fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    });
    this.webhook = new Webhooks(http);
    this.linkedUsers = new LinkedUsers(http);
    this.magicLinks = new MagicLinks(http);
    this.connections = new Connections(http);
    this.passthrough = new Passthrough(http);
    this.projects = new Projects(http);
    this.providers = new Providers(http);
  }
}

/** `PANORA_URL`, where there is an environment at all. */
function environmentUrl(): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.PANORA_URL || undefined;
}
