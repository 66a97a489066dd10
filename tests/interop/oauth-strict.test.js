// What a certified authorization server refuses, and what it is sent: that Panora keeps the rules is seen there, not here.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, it, mock } from "node:test";
import { PanoraSDK } from "@panora/sdk-typescript";
import { Person } from "./oauth/person.js";
import { start } from "./oauth/server.js";
import { until } from "./oauth/wait.js";

const CALLBACK = "/connections/oauth/callback";
let server;
let secret;
before(async () => {
  server = await start();
  const endpoint = { url: `${server.origin}/hook`, scope: ["connection.*"] };
  ({ secret } = (await server.api("POST", "/webhooks", endpoint)).body);
});
after(() => server?.stop());
beforeEach(() => server.asked.splice(0));

const asked = (path) => server.asked.filter((request) => request.path === path);
const eventOf = (type, about) =>
  until(type, () => server.events.find(({ type: told, data }) => told === type && Object.values(data).includes(about)));

async function newLink(more) {
  const user = `user-${randomUUID()}`;
  const wanted = more ?? { linked_user_origin_id: user, providers: ["oidc"] };
  const { status, body } = await server.api("POST", "/magic_links", wanted);
  assert.equal(status, 201, JSON.stringify(body));
  return { ...body, user };
}

/** Where Panora sends a person to sign in. */
async function departure(person, link) {
  await person.follow(await person.open(link.url), "/authorize");
  return server.authorizations.at(-1);
}

/** At the server's page for signing in. */
const atLogin = async (person, link) => person.follow(await person.open(link.url), "/authorize");

/** The address of the callback, not opened yet. */
async function agreed(person, login, user) {
  const consent = await person.send(login, { login: user, password: "any" });
  return (await person.send(consent, {}, CALLBACK)).url;
}

async function connected(link, user) {
  const person = new Person();
  return person.open(await agreed(person, await atLogin(person, link), user));
}

async function connectionsOf({ user }) {
  return (await server.api("GET", `/connections?linked_user_origin_id=${user}`)).body;
}

/** A connection, its owner's name at the server, and the tokens that it was given. */
async function given() {
  const link = await newLink();
  const done = await connected(link, link.user);
  assert.match(done.text, /Certified is connected/, done.text);
  const [connection] = await connectionsOf(link);
  return { connection, user: link.user, tokens: server.granted.at(-1) };
}

const refresh = ({ id_connection }) => server.api("POST", `/connections/${id_connection}/refresh`);
function call({ connection_token }) {
  return server.api("POST", "/passthrough", { method: "GET", path: "/me" }, { "x-connection-token": connection_token });
}

/** Another client's way to a grant: the authorization that Panora began, with a proof of its own. */
async function grantElsewhere(user) {
  const person = new Person();
  const verifier = "elsewhere".repeat(5);
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const parameters = { ...(await departure(new Person(), await newLink())), code_challenge: challenge };
  const login = await person.open(`${server.origin}/oidc/auth?${new URLSearchParams(parameters)}`);
  const callback = await agreed(person, login, user);
  return (await server.asClient("/token", redemption(callback, verifier))).body;
}

function redemption(callback, verifier) {
  const code = callback.searchParams.get("code");
  const redirect_uri = callback.origin + callback.pathname;
  return { grant_type: "authorization_code", code, redirect_uri, ...(verifier && { code_verifier: verifier }) };
}

async function assertNothing(link, code) {
  assert.deepEqual(await connectionsOf(link), []);
  assert.equal((await eventOf("connection.failed", link.id_linked_user)).data.code, code);
}

describe("on the way there and back", () => {
  it("PKCE is demanded: without a challenge the server gives no code", async () => {
    const { code_challenge, code_challenge_method, ...parameters } = await departure(new Person(), await newLink());
    const answer = await fetch(`${server.origin}/oidc/auth?${new URLSearchParams(parameters)}`, { redirect: "manual" });
    const back = new URL(answer.headers.get("location")).searchParams;
    assert.deepEqual([back.get("error"), back.has("code")], ["invalid_request", false]);
    assert.match(back.get("error_description"), /PKCE/);
  });

  it("a stolen code is worth nothing without Panora's verifier, and the person's own way goes on", async () => {
    const person = new Person();
    const link = await newLink();
    const callback = await agreed(person, await atLogin(person, link), link.user);
    const { code_challenge } = server.authorizations.at(-1);
    for (const verifier of [undefined, "stolen".repeat(8)]) {
      const { status, body } = await server.asClient("/token", redemption(callback, verifier));
      assert.deepEqual([status, body.error], [400, "invalid_grant"]);
    }
    assert.match((await person.open(callback)).text, /Certified is connected/);
    const { code_verifier } = asked("/token").at(-1).body;
    assert.equal(createHash("sha256").update(code_verifier).digest("base64url"), code_challenge);
  });

  it("another issuer's answer is not believed, and its code is sent nowhere", async () => {
    const person = new Person();
    const link = await newLink();
    const callback = await agreed(person, await atLogin(person, link), link.user);
    assert.equal(callback.searchParams.get("iss"), `${server.origin}/oidc`);
    callback.searchParams.set("iss", "https://elsewhere.example");
    assert.match((await person.open(callback)).text, /nothing was connected.*Try again/);
    assert.deepEqual(asked("/token"), []);
    await assertNothing(link, "provider_error");
  });

  it("a state that was changed spends nothing: the person's own way goes on", async () => {
    const person = new Person();
    const link = await newLink();
    const callback = await agreed(person, await atLogin(person, link), link.user);
    const changed = new URL(callback);
    changed.searchParams.set("state", [...callback.searchParams.get("state")].reverse().join(""));
    assert.equal((await person.open(changed)).status, 400);
    assert.deepEqual([asked("/token"), await connectionsOf(link)], [[], []]);
    assert.match((await person.open(callback)).text, /Certified is connected/);
  });

  it("declining before signing in is told to the customer too", async () => {
    const person = new Person();
    const link = await newLink();
    const denied = await person.follow(await atLogin(person, link), "/abort");
    assert.match(denied.text, /You said no, and that is fine.*Try again/);
    await assertNothing(link, "denied");
  });

  it("a code that the server's clock says is over ends on a page that says what to do", async () => {
    const person = new Person();
    const link = await newLink();
    const callback = await agreed(person, await atLogin(person, link), link.user);
    mock.timers.enable({ apis: ["Date"], now: Date.now() + 90_000 }); // of this process alone: not Panora's
    const page = await person.open(callback).finally(() => mock.timers.reset());
    assert.deepEqual(asked("/token").map(({ status }) => status), [400]);
    assert.match(page.text, /nothing was connected.*Try again/);
    await assertNothing(link, "provider_error");
  });
});

describe("a connection", () => {
  it("is told by an event that Panora signed", async () => {
    const { connection } = await given();
    const event = await eventOf("connection.created", connection.id_connection);
    const { webhook } = new PanoraSDK({ accessToken: "verifying asks nobody" });
    const { data } = await webhook.verifyEvent(event, server.signatures.get(event.id_event), secret);
    assert.equal(data.connection_token, connection.connection_token);
  });

  it("calls userinfo with the access token that it was given, and nothing else", async () => {
    const { connection, user, tokens } = await given();
    server.asked.splice(0);
    const { body } = await call(connection);
    assert.deepEqual([body.status, body.data.sub], [200, user]);
    assert.deepEqual(asked("/me").map(({ authorization }) => authorization), [`Bearer ${tokens.access_token}`]);
  });

  it("is refreshed each time with the refresh token of the time before", async () => {
    const { connection, tokens } = await given();
    const first = server.granted.length;
    server.asked.splice(0);
    for (let times = 0; times < 4; times += 1) assert.equal((await refresh(connection)).body.status, "valid");
    const gave = [tokens, ...server.granted.slice(first)].map(({ refresh_token }) => refresh_token);
    assert.deepEqual(asked("/token").map(({ body }) => body.refresh_token), gave.slice(0, -1));
    assert.equal((await call(connection)).body.status, 200);
  });

  it("asks first with the newest refresh token, after an old one was replayed by another", async () => {
    const { connection, tokens } = await given();
    await refresh(connection);
    const newest = server.granted.at(-1).refresh_token;
    const replay = { grant_type: "refresh_token", refresh_token: tokens.refresh_token };
    assert.equal((await server.asClient("/token", replay)).body.error, "invalid_grant");
    server.asked.splice(0);
    const { status, body } = await refresh(connection);
    assert.deepEqual([status, body.code], [409, "needs_reauth"]);
    // The one before is tried because the newest has never given tokens: docs/credential-life.md.
    const tried = [newest, tokens.refresh_token];
    assert.deepEqual(asked("/token").map(({ body }) => body.refresh_token), tried);
  });

  it("is refreshed when its access token is refused, and the call repeated", async () => {
    const { connection, user, tokens } = await given();
    await (await server.provider.AccessToken.find(tokens.access_token)).destroy();
    server.asked.splice(0);
    assert.equal((await call(connection)).body.data.sub, user);
    const seen = server.asked.map(({ path, status }) => `${path} ${status}`);
    assert.deepEqual(seen, ["/me 401", "/token 200", "/me 200"]);
  });

  it("that was imported with an access token that is over is refreshed once by twenty calls", async () => {
    const user = `user-${randomUUID()}`;
    const { access_token, refresh_token } = await grantElsewhere(user);
    const credentials = { access_token, refresh_token, expires_at: "2020-01-01T00:00:00.000Z" };
    const wanted = { linked_user_origin_id: user, provider_slug: "oidc", credentials };
    const imported = await server.api("POST", "/connections", wanted);
    assert.equal(imported.status, 201, JSON.stringify(imported.body));
    server.asked.splice(0);
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(imported.body)));
    for (const { body } of answers) assert.equal(body.data.sub, user);
    assert.deepEqual(asked("/token").map(({ body }) => body.refresh_token), [refresh_token]);
  });

  it("that is deleted leaves no token that still works", async () => {
    const { connection, tokens } = await given();
    await server.api("DELETE", `/connections/${connection.id_connection}`);
    await until("the revocation", () => asked("/token/revocation").length);
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    assert.equal((await fetch(`${server.origin}/oidc/me`, { headers })).status, 401);
    const { body } = await server.asClient("/token/introspection", { token: tokens.refresh_token });
    assert.equal(body.active, false);
  });

  it("whose grant ended says so once, and is renewed by a link of its own with the same id and token", async () => {
    const { connection, user, tokens } = await given();
    const { id_connection, id_linked_user, connection_token } = connection;
    await (await server.provider.Grant.find(tokens.grantId)).destroy();
    assert.equal((await refresh(connection)).body.code, "needs_reauth");
    assert.equal((await call(connection)).body.code, "needs_reauth");
    const link = await newLink({ id_linked_user, id_connection });
    assert.match((await connected(link, user)).text, /Certified is connected again/);
    await eventOf("connection.reauthorized", id_connection);
    const { body } = await server.api("GET", `/connections/${id_connection}`);
    assert.deepEqual([body.status, body.connection_token], ["valid", connection_token]);
    const told = server.events.filter(({ data }) => data.id_connection === id_connection).map(({ type }) => type);
    assert.equal(told.filter((type) => type === "connection.needs_reauth").length, 1);
    assert.equal((await call(connection)).body.data.sub, user);
  });

  it("is not renewed with another account, and what that one granted is given back", async () => {
    const { connection, user } = await given();
    const { id_connection, id_linked_user } = connection;
    const link = await newLink({ id_linked_user, id_connection });
    assert.match((await connected(link, `other-${user}`)).text, /That is a different account/);
    const { refresh_token } = server.granted.at(-1);
    await until("the revocation", () => asked("/token/revocation").some(({ body }) => body.token === refresh_token));
    assert.equal((await server.api("GET", `/connections/${id_connection}`)).body.account.id, user);
  });
});
