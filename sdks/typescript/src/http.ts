// Sends requests to Panora's API. It must never retry, and never put a key or a token into an error.

import { type FieldError, PanoraError } from "./errors.js";
import type { Page } from "./types.js";

/** What of the Fetch standard is used here. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>;

interface FetchInit {
  method: string;
  headers: Record<string, string>;
  body?: string;
  // An AbortSignal; not every project's types know the name.
  signal?: any;
}

interface FetchResponse {
  ok: boolean;
  status: number;
  headers: { get(name: string): string | null };
  text(): Promise<string>;
}

export interface RequestParts {
  /** Names and values; what is undefined is left out. */
  query?: object | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  idempotencyKey?: string | undefined;
}

/** For requests that create: the same key and body within 24 hours give the same answer. */
export interface CreateOptions {
  idempotencyKey?: string;
}

interface Answer {
  data: unknown;
  link: string | null;
}

export class HttpClient {
  readonly #serverUrl: string;
  readonly #accessToken: string;
  readonly #fetch: Fetch;
  readonly #timeoutMs: number;

  constructor(settings: { serverUrl: string; accessToken: string; fetch: Fetch; timeoutMs: number }) {
    this.#serverUrl = settings.serverUrl.replace(/\/+$/, "");
    this.#accessToken = settings.accessToken;
    this.#fetch = settings.fetch;
    this.#timeoutMs = settings.timeoutMs;
  }

  /** The answer's JSON; a refusal is thrown as a {@link PanoraError}. */
  async request<T>(method: string, path: string, parts: RequestParts = {}): Promise<T> {
    return (await this.#send(method, path, parts)).data as T;
  }

  /** Every item of a list, page by page: of arrays with a `Link` header and of `{data, next_cursor}`. */
  async *items<T>(path: string, query: object = {}): AsyncGenerator<T, void, undefined> {
    let cursor: string | null | undefined;
    do {
      const parts = cursor === undefined ? { query } : { query: { ...query, cursor } };
      const { data, link } = await this.#send("GET", path, parts);
      if (Array.isArray(data)) {
        yield* data as T[];
        cursor = nextCursor(link);
      } else {
        const page = data as Page<T>;
        yield* page.data;
        cursor = page.next_cursor;
      }
    } while (cursor);
  }

  async #send(method: string, path: string, parts: RequestParts): Promise<Answer> {
    const headers: Record<string, string> = {
      accept: "application/json",
      authorization: `Bearer ${this.#accessToken}`,
      ...parts.headers,
    };
    const init: FetchInit = { method, headers, signal: AbortSignal.timeout(this.#timeoutMs) };
    if (parts.idempotencyKey !== undefined) headers["idempotency-key"] = parts.idempotencyKey;
    if (parts.body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(parts.body);
    }
    const { response, text } = await this.#exchange(this.#serverUrl + path + queryText(parts.query), init);
    const data = parseJson(text);
    if (!response.ok) throw refusal(response, data);
    if (data === undefined) throw unreadable(response);
    return { data, link: response.headers.get("link") };
  }

  async #exchange(url: string, init: FetchInit): Promise<{ response: FetchResponse; text: string }> {
    try {
      const response = await this.#fetch(url, init);
      return { response, text: await response.text() };
    } catch (cause) {
      const detail = `Panora did not answer at ${this.#serverUrl}.`;
      throw new PanoraError({ status: 0, code: "network_error", detail, cause });
    }
  }
}

function queryText(query: object | undefined): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  const text = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}

/** The cursor in `<...?cursor=...>; rel="next"` (RFC 8288). */
function nextCursor(link: string | null): string | undefined {
  const query = /<[^>]*\?([^>]*)>\s*;\s*rel="?next"?/.exec(link ?? "")?.[1];
  return new URLSearchParams(query).get("cursor") ?? undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(response: FetchResponse, data: unknown): PanoraError {
  const problem = (typeof data === "object" && data !== null ? data : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof problem[name] === "string" ? (problem[name] as string) : undefined);
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new PanoraError({
    status: response.status,
    code: text("code") ?? "unknown_error",
    detail: text("detail") ?? text("title") ?? `The server answered ${response.status}.`,
    errors: Array.isArray(problem.errors) ? (problem.errors as FieldError[]) : [],
    requestId: text("request_id") ?? response.headers.get("x-request-id") ?? undefined,
    retryAfter: Number.isNaN(retryAfter) ? undefined : retryAfter,
  });
}

function unreadable(response: FetchResponse): PanoraError {
  const detail = "The answer is not JSON: is serverUrl the address of a Panora server?";
  return new PanoraError({ status: response.status, code: "unreadable_answer", detail });
}
