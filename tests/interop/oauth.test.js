// An authorization server that others wrote and certified, described by a file alone: every step of a grant's life.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { Person } from "./oauth/person.js";
import { start } from "./oauth/server.js";
import { until } from "./oauth/wait.js";

const CALLBACK = "/connections/oauth/callback";
let server;
before(async () => {
  server = await start();
  const endpoint = { url: `${server.origin}/hook`, scope: ["connection.*"] };
  assert.equal((await server.api("POST", "/webhooks", endpoint)).status, 201);
});
after(() => server?.stop());

const event = (type, idConnection) =>
  until(`${type} for ${idConnection}`, () =>
    server.events.find((it) => it.type === type && it.data.id_connection === idConnection),
  );

/** A person, at the authorization server's page of consent, having signed in there. */
async function atConsent(user = `user-${randomUUID()}`, more = {}) {
  const link = await server.api("POST", "/magic_links", { linked_user_origin_id: user, providers: ["oidc"], ...more });
  assert.equal(link.status, 201, JSON.stringify(link.body));
  const person = new Person();
  const page = await signedIn(person, await person.follow(await person.open(link.body.url), "/authorize"), user);
  return { user, person, page };
}

/** At the page of consent: signs in first where the authorization server asks for that. */
async function signedIn(person, arrived, user) {
  let page = arrived;
  if (page.html.includes('name="login"')) page = await person.send(page, { login: user, password: "any" });
  assert.match(page.url.pathname, /^\/oidc\/interaction\//, page.text);
  return page;
}

/** At the page of consent once more, by what the page of a failure offers. */
async function again(person, failed, user) {
  const page = await person.follow(failed, "/connect/flow/");
  return signedIn(person, await person.follow(page, "/authorize"), user);
}

/** The connection of a person who allows everything. */
async function connected(user, more) {
  const { person, page, ...who } = await atConsent(user, more);
  const done = await person.send(page);
  assert.match(done.text, /Certified is connected/, `${done.url}: ${done.text}`);
  const list = await server.api("GET", `/connections?linked_user_origin_id=${who.user}`);
  assert.equal(list.body.length, 1);
  return { user: who.user, connection: list.body[0], granted: server.granted.at(-1) };
}

const refresh = (connection) => server.api("POST", `/connections/${connection.id_connection}/refresh`);
const read = async (connection) => (await server.api("GET", `/connections/${connection.id_connection}`)).body;

describe("a certified authorization server", () => {
  it("connects: whose account it is, what was granted, and an event", async () => {
    const { user, connection } = await connected();
    assert.equal(connection.status, "valid");
    assert.equal(connection.account.id, user);
    assert.equal(connection.account.email, `${user}@certified.example`);
    assert.deepEqual([...connection.scopes].sort(), ["email", "offline_access", "openid"]);
    assert.ok(Date.parse(connection.expiration_timestamp) > Date.now());
    assert.equal((await event("connection.created", connection.id_connection)).data.account.id, user);
  });

  it("demands PKCE and gets it, with a state and this redirect URI", async () => {
    await atConsent();
    const asked = server.authorizations.at(-1);
    assert.equal(asked.code_challenge_method, "S256");
    assert.match(asked.code_challenge, /^[\w-]{43}$/);
    assert.equal(asked.redirect_uri, server.origin + CALLBACK);
    assert.ok(asked.state.length >= 32);
  });

  it("is called through Panora with the token that it gave", async () => {
    const { user, connection } = await connected();
    const headers = { "x-connection-token": connection.connection_token };
    const answer = await server.api("POST", "/passthrough", { method: "GET", path: "/me" }, headers);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.equal(JSON.stringify(answer.body).includes(user), true);
  });

  it("rotates the refresh token each time; a replayed one ends the grant, and Panora says so", async () => {
    const { connection, granted } = await connected();
    const tokens = [granted.refresh_token];
    for (let times = 0; times < 3; times += 1) {
      const answer = await refresh(connection);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      tokens.push(server.granted.at(-1).refresh_token);
    }
    assert.equal(new Set(tokens).size, 4);
    assert.equal((await read(connection)).status, "valid");
    const replayed = await server.asClient("/token", { grant_type: "refresh_token", refresh_token: tokens[0] });
    assert.deepEqual([replayed.status, replayed.body.error], [400, "invalid_grant"]);
    await refresh(connection);
    assert.equal((await read(connection)).status, "needs_reauth");
    await event("connection.needs_reauth", connection.id_connection);
  });

  it("is asked to revoke what is deleted", async () => {
    const { connection, granted } = await connected();
    const active = async () => (await server.asClient("/token/introspection", { token: granted.refresh_token })).body.active;
    assert.equal(await active(), true);
    assert.equal((await server.api("DELETE", `/connections/${connection.id_connection}`)).status, 200);
    await until("the grant is over", async () => !(await active()));
  });

  it("may forget a grant; authorising again keeps the connection's id and token", async () => {
    const { user, connection, granted } = await connected();
    await (await server.provider.Grant.find(granted.grantId)).destroy();
    await refresh(connection);
    assert.equal((await read(connection)).status, "needs_reauth");
    const again = (await connected(user)).connection;
    assert.equal(again.status, "valid");
    assert.equal(again.id_connection, connection.id_connection);
    assert.equal(again.connection_token, connection.connection_token);
    await event("connection.reauthorized", connection.id_connection);
    assert.equal((await refresh(connection)).status, 200);
  });

  it("may be denied: the page says so, nothing is stored, and another try works", async () => {
    const { user, person, page } = await atConsent();
    const denied = await person.follow(page, "/abort");
    assert.match(denied.text, /not (allowed|connected)|denied|declined|cancelled/i);
    assert.equal((await server.api("GET", `/connections?linked_user_origin_id=${user}`)).body.length, 0);
    const consent = await again(person, denied, user);
    assert.match((await person.send(consent)).text, /Certified is connected/);
  });

  it("may refuse a code that is over: the page says what to do, and another try works", async () => {
    const { user, person, page } = await atConsent();
    const { url } = await person.send(page, {}, CALLBACK);
    await (await server.provider.AuthorizationCode.find(url.searchParams.get("code"))).destroy();
    const failed = await person.open(url);
    assert.match(failed.text, /try again|start again|once more/i);
    assert.ok(!failed.text.includes("invalid_grant"));
    const consent = await again(person, failed, user);
    assert.match((await person.send(consent)).text, /Certified is connected/);
  });

  it("is not believed with a state that was changed, nor one of another browser", async () => {
    const { user, person, page } = await atConsent();
    const { url } = await person.send(page, {}, CALLBACK);
    const granted = server.granted.length;
    const changed = new URL(url);
    const state = url.searchParams.get("state");
    changed.searchParams.set("state", (state[0] === "A" ? "B" : "A") + state.slice(1));
    assert.ok((await person.open(changed)).status >= 400);
    assert.ok((await new Person().open(url)).status >= 400);
    assert.equal(server.granted.length, granted, "no code was exchanged");
    assert.equal((await server.api("GET", `/connections?linked_user_origin_id=${user}`)).body.length, 0);
  });
});
