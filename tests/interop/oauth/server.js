// One origin on a free port: a certified authorization server below /oidc, a webhook receiver at /hook, and Panora for
// all else, so that Panora's file for the provider needs no TLS.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import express from "express";
import { Provider } from "oidc-provider";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const BINARY = process.env.PANORA_BIN ?? resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug/panora");
const START_DEADLINE_MS = 30_000;
// Full of what has to be encoded before it becomes a user name and a password (RFC 6749, section 2.3.1).
const CLIENT = { client_id: "panora:tests", client_secret: `+/%: ~&=${randomBytes(24).toString("hex")}` };

function authorizationServer(origin) {
  const provider = new Provider(`${origin}/oidc`, {
    clients: [
      {
        ...CLIENT,
        redirect_uris: [`${origin}/connections/oauth/callback`],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], email: ["email"] },
    scopes: ["openid", "email", "offline_access"],
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@certified.example` }) }),
    features: { introspection: { enabled: true }, revocation: { enabled: true } },
    rotateRefreshToken: true,
    pkce: { required: () => true },
    cookies: { keys: [randomBytes(16).toString("hex")] },
  });
  return provider;
}

function forward(port) {
  return (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const onward = request({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    onward.once("error", () => outgoing.destroy());
    incoming.pipe(onward);
  };
}

export async function start() {
  const app = express();
  const front = createServer(app).listen(0, "127.0.0.1");
  await once(front, "listening");
  const origin = `http://127.0.0.1:${front.address().port}`;
  const port = await freePort();
  const provider = authorizationServer(origin);
  const granted = [];
  provider.on("grant.success", ({ oidc, body }) => granted.push({ grantId: oidc.entities.Grant?.jti, ...body }));
  const authorizations = [];
  const asked = [];
  provider.use(async (context, next) => {
    await next();
    const { path, status, oidc } = context;
    asked.push({ path, status, authorization: context.get("authorization"), body: { ...oidc?.body } });
  });
  const events = [];
  const signatures = new Map();
  app.use("/oidc", (incoming, _, next) => {
    if (incoming.path === "/auth") authorizations.push(incoming.query);
    next();
  });
  app.use("/oidc", provider.callback());
  app.post("/hook", express.json(), (incoming, outgoing) => {
    events.push(incoming.body);
    signatures.set(incoming.body.id_event, incoming.headers["panora-signature"]);
    outgoing.sendStatus(204);
  });
  app.use(forward(port));

  const folder = mkdtempSync(join(tmpdir(), "panora-oauth-"));
  mkdirSync(join(folder, "providers"));
  cpSync(fileURLToPath(new URL("oidc.yaml", import.meta.url)), join(folder, "providers/oidc.yaml"));
  const key = `test_${randomBytes(24).toString("hex")}`;
  const server = spawn(BINARY, ["serve", "--providers-dir", join(folder, "providers")], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      PANORA_BIND: `127.0.0.1:${port}`,
      PANORA_PUBLIC_URL: origin,
      PANORA_DATA_DIR: join(folder, "data"),
      PANORA_BOOTSTRAP_API_KEY: key,
      PANORA_OIDC_CLIENT_ID: CLIENT.client_id,
      PANORA_OIDC_CLIENT_SECRET: CLIENT.client_secret,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  process.once("exit", () => server.kill("SIGKILL"));
  await ready(origin, server);

  return {
    origin,
    provider,
    /** What the authorization server has granted, oldest first: token answers, each with its grant's id. */
    granted,
    /** The parameters of each visit to its authorization endpoint. */
    authorizations,
    /** Every request that it answered, oldest first, and with which status. */
    asked,
    events,
    /** The signature that each event came with, by the event's id. */
    signatures,
    api: (method, path, body, headers) => callApi(origin, key, method, path, body, headers),
    /** Calls one of the authorization server's endpoints as the client. */
    async asClient(path, parameters) {
      const basic = Buffer.from(Object.values(CLIENT).map(encodeURIComponent).join(":")).toString("base64");
      const body = new URLSearchParams(parameters);
      const answer = await fetch(`${origin}/oidc${path}`, {
        method: "POST",
        headers: { authorization: `Basic ${basic}` },
        body,
      });
      return { status: answer.status, body: JSON.parse((await answer.text()) || "null") };
    },
    async stop() {
      server.kill("SIGTERM");
      if (server.exitCode === null) await once(server, "close");
      front.closeAllConnections();
      front.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function callApi(origin, key, method, path, body, headers = {}) {
  const answer = await fetch(origin + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }), ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : undefined };
}

async function ready(origin, server) {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (Date.now() < deadline && server.exitCode === null) {
    const answer = await fetch(`${origin}/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await pause(50);
  }
  server.kill("SIGKILL");
  throw new Error("the server did not become ready");
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}
