// What goes out for each call, and what a caller gets to see of the answer.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Fetch, PanoraError, PanoraSDK } from "../src/index.js";

interface Sent {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: string | undefined;
}

type Reply = { status?: number; headers?: Record<string, string>; body: unknown };

/** An SDK whose server gives these answers in turn, and what it was sent. */
function withServer(...replies: Reply[]) {
  const sent: Sent[] = [];
  const fetch: Fetch = async (url, { method, headers, body }) => {
    sent.push({ url, method, headers, body });
    const { status = 200, headers: answered = {}, body: answer } = replies.shift() ?? { body: {} };
    return new Response(typeof answer === "string" ? answer : JSON.stringify(answer), { status, headers: answered });
  };
  const panora = new PanoraSDK({ accessToken: "key", serverUrl: "https://panora.test/base/", fetch });
  return { panora, sent };
}

async function errorOf(call: Promise<unknown>): Promise<PanoraError> {
  const outcome = await call.catch((error: unknown) => error);
  assert.ok(outcome instanceof PanoraError, `no error: ${outcome}`);
  return outcome;
}

describe("requests", () => {
  it("carry the key, the body and the idempotency key", async () => {
    const { panora, sent } = withServer();
    await panora.linkedUsers.create({ linked_user_origin_id: "u1", alias: "Acme" }, { idempotencyKey: "once" });
    const [request] = sent;
    assert.equal(request?.url, "https://panora.test/base/linked_users");
    assert.equal(request?.headers.authorization, "Bearer key");
    assert.equal(request?.headers["idempotency-key"], "once");
    assert.deepEqual(JSON.parse(request?.body ?? ""), { linked_user_origin_id: "u1", alias: "Acme" });
  });

  it("leave out what is undefined, and escape the rest", async () => {
    const { panora, sent } = withServer({ body: [] }, { body: {} });
    await panora.connections.list({ limit: 5, vertical: undefined, "metadata.plan": "a&b" });
    await panora.connections.get("../projects");
    assert.equal(sent[0]?.url, "https://panora.test/base/connections?limit=5&metadata.plan=a%26b");
    assert.equal(sent[1]?.url, "https://panora.test/base/connections/..%2Fprojects");
  });

  it("have the method and path of the API", async () => {
    const { panora, sent } = withServer();
    const { webhook, linkedUsers, magicLinks, connections, projects, providers } = panora;
    await webhook.create({ url: "https://a.test", scope: ["*"] });
    await webhook.list();
    await webhook.get("1");
    await webhook.update("1", { active: false });
    await webhook.delete("1");
    await webhook.rotateSecret("1", { grace_seconds: 0 });
    await webhook.revealSecret("1");
    await webhook.deliveries("1", { status: "failed" });
    await linkedUsers.createBatch({ linked_user_origin_ids: ["a"] });
    await linkedUsers.list();
    await linkedUsers.get("1");
    await linkedUsers.fromRemoteId("a b");
    await linkedUsers.delete("1");
    await magicLinks.create({ linked_user_origin_id: "a" });
    await magicLinks.list();
    await magicLinks.get("1");
    await magicLinks.resend("1");
    await magicLinks.revoke("1");
    await connections.create({ id_linked_user: "1", provider_slug: "sandbox", credentials: {} });
    await connections.update("1", { metadata: {} });
    await connections.delete("1");
    await projects.list();
    await providers.list();
    await providers.get("sandbox");
    await providers.update("sandbox", { enabled: false });
    const base = "https://panora.test/base";
    assert.deepEqual(
      sent.map(({ method, url }) => `${method} ${url.slice(base.length)}`),
      [
        "POST /webhooks",
        "GET /webhooks",
        "GET /webhooks/1",
        "PUT /webhooks/1",
        "DELETE /webhooks/1",
        "POST /webhooks/1/rotate_secret",
        "POST /webhooks/1/reveal_secret",
        "GET /webhooks/1/deliveries?status=failed",
        "POST /linked_users/batch",
        "GET /linked_users",
        "GET /linked_users/1",
        "GET /linked_users/fromRemoteId?remoteId=a+b",
        "DELETE /linked_users/1",
        "POST /magic_links",
        "GET /magic_links",
        "GET /magic_links/1",
        "POST /magic_links/1/resend",
        "DELETE /magic_links/1",
        "POST /connections",
        "PATCH /connections/1",
        "DELETE /connections/1",
        "GET /projects",
        "GET /providers",
        "GET /providers/sandbox",
        "PATCH /providers/sandbox",
      ],
    );
  });

  it("to a provider carry the connection token, and answer what the provider answered", async () => {
    const answer = { url: "https://api.test/me", status: 404, headers: {}, data: { error: "no" } };
    const { panora, sent } = withServer({ body: answer });
    const call = { connectionToken: "ct_1", method: "POST", path: "/me", data: [1], requestFormat: "form" } as const;
    assert.deepEqual(await panora.passthrough.request(call), answer);
    assert.equal(sent[0]?.headers["x-connection-token"], "ct_1");
    const body = { method: "POST", path: "/me", data: [1], request_format: "form" };
    assert.deepEqual(JSON.parse(sent[0]?.body ?? ""), body);
  });

  it("go to PANORA_URL, or to this machine, unless told otherwise", async () => {
    const urls: string[] = [];
    const fetch: Fetch = async (url) => {
      urls.push(url);
      return new Response("[]");
    };
    process.env.PANORA_URL = "https://set.test";
    await new PanoraSDK({ accessToken: "key", fetch }).projects.list();
    delete process.env.PANORA_URL;
    await new PanoraSDK({ accessToken: "key", fetch }).projects.list();
    assert.deepEqual(urls, ["https://set.test/projects", "http://127.0.0.1:3000/projects"]);
  });
});

describe("lists", () => {
  it("that are arrays go on where their Link header says", async () => {
    const link = '</linked_users?limit=1&cursor=c%3D2>; rel="next"';
    const { panora, sent } = withServer({ body: [{ alias: "a" }], headers: { link } }, { body: [{ alias: "b" }] });
    const aliases = [];
    for await (const user of panora.linkedUsers.all({ limit: 1 })) aliases.push(user.alias);
    assert.deepEqual(aliases, ["a", "b"]);
    assert.equal(sent[1]?.url, "https://panora.test/base/linked_users?limit=1&cursor=c%3D2");
  });

  it("that are pages go on where their cursor says", async () => {
    const page = (id: string, next_cursor: string | null) => ({ data: [{ id_magic_link: id }], next_cursor });
    const { panora, sent } = withServer({ body: page("1", "c2") }, { body: page("2", null) });
    const ids = [];
    for await (const link of panora.magicLinks.all()) ids.push(link.id_magic_link);
    assert.deepEqual(ids, ["1", "2"]);
    assert.equal(sent[1]?.url, "https://panora.test/base/magic_links?cursor=c2");
  });
});

describe("errors", () => {
  it("say what the problem document says", async () => {
    const body = {
      type: "/docs#invalid_request",
      title: "Bad Request",
      status: 400,
      code: "invalid_request",
      detail: "The request is not valid.",
      errors: [{ pointer: "/scope", detail: "Is missing." }],
      request_id: "r1",
    };
    const { panora } = withServer({ status: 400, body, headers: { "retry-after": "7" } });
    const error = await errorOf(panora.webhook.create({ url: "https://a.test", scope: [] }));
    assert.deepEqual(
      [error.status, error.code, error.message, error.errors, error.requestId, error.retryAfter],
      [400, "invalid_request", "The request is not valid.", body.errors, "r1", 7],
    );
  });

  it("are made also of answers that are no problem documents", async () => {
    const { panora } = withServer({ status: 502, body: "<html>", headers: { "x-request-id": "r2" } });
    const error = await errorOf(panora.projects.list());
    assert.deepEqual([error.status, error.code, error.requestId], [502, "unknown_error", "r2"]);
  });

  it("name a server that answers something else than JSON", async () => {
    const { panora } = withServer({ body: "<html>" });
    assert.equal((await errorOf(panora.projects.list())).code, "unreadable_answer");
  });

  it("say that nobody answered", async () => {
    const fetch: Fetch = async () => {
      throw new TypeError("fetch failed");
    };
    const error = await errorOf(new PanoraSDK({ accessToken: "key", fetch }).projects.list());
    assert.deepEqual([error.status, error.code], [0, "network_error"]);
  });
});
