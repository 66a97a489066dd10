// A Panora server of its own for each test file: SQLite in a temporary folder, a free port, one API key.
// Never talks to a server that was there before.

import { spawn, spawnSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startFront } from "./front.js";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const BINARY = process.env.PANORA_BIN ?? resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug/panora");
const START_DEADLINE_MS = 30_000;
const EXPIRE_SIGN_IN = "UPDATE oauth_states SET expires_at = 1 WHERE used_at IS NULL " +
  "AND id_flow IN (SELECT id FROM flows WHERE id_magic_link = ?)";

// Apps that exist nowhere, so that a link without limits offers a choice. Nobody is sent to these providers.
const MORE_PROVIDERS = Object.fromEntries(
  ["HUBSPOT", "GITHUB", "LINEAR"].flatMap((slug) => [
    [`PANORA_${slug}_CLIENT_ID`, "nobody"],
    [`PANORA_${slug}_CLIENT_SECRET`, "nothing"],
  ]),
);

/**
 * Starts a server and gives what tests do with it; `name` is that of its log file, `providers` are texts of provider files
 * by slug, `settings` further variables of the environment. With `fronted` people and providers reach it through the
 * `front` of what is given.
 */
export async function startServer(name, { providers = {}, settings = {}, fronted = false } = {}) {
  const port = await freePort();
  const front = fronted ? await startFront(port) : undefined;
  const url = front?.url ?? `http://127.0.0.1:${port}`;
  const key = `test_${randomBytes(24).toString("hex")}`;
  const folder = await mkdtemp(join(tmpdir(), "panora-web-"));
  const ownFiles = join(folder, "providers");
  const database = join(folder, "data/panora.sqlite");
  await mkdir(ownFiles);
  for (const [slug, text] of Object.entries(providers)) await writeFile(join(ownFiles, `${slug}.yaml`), text);
  const server = spawn(BINARY, ["serve", "--providers-dir", ownFiles], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      PANORA_BIND: `127.0.0.1:${port}`,
      PANORA_PUBLIC_URL: url,
      PANORA_DATA_DIR: join(folder, "data"),
      PANORA_BOOTSTRAP_API_KEY: key,
      ...MORE_PROVIDERS,
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((done) => server.once("close", done));
  const failed = new Promise((_, fail) => server.once("error", fail));
  process.once("exit", () => server.kill("SIGKILL"));
  await keepLog(server, name);
  await Promise.race([ready(url, server), failed]);

  return {
    url,
    front,
    api: (method, path, body) => callApi(url, key, method, path, body),
    /** A link for a new linked user; `fields` are added to those of POST /magic_links. */
    async createLink(fields = {}) {
      const linked_user_origin_id = `user-${randomUUID()}`;
      const asked = { linked_user_origin_id, alias: "Ada Lovelace", ...fields };
      const link = await callApi(url, key, "POST", "/magic_links", asked);
      return { ...link, linked_user_origin_id };
    },
    connectionsOf: (originId) =>
      callApi(url, key, "GET", `/connections?linked_user_origin_id=${encodeURIComponent(originId)}`),
    /** Lets a link's time pass: nobody waits for it. */
    expire: (link) => change(database, "UPDATE magic_links SET expires_at = 1 WHERE id = ?", link.id_magic_link),
    /** Lets the time pass that the person of a link who is at a provider has to come back. */
    expireSignIn: (link) => change(database, EXPIRE_SIGN_IN, link.id_magic_link),
    async stop() {
      server.kill("SIGTERM");
      await ended;
      front?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs one statement on the server's database. */
function change(file, statement, ...values) {
  const program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=10); " +
    "n = c.execute(sys.argv[2], sys.argv[3:]).rowcount; c.commit(); sys.exit(0 if n == 1 else 3)";
  const { status, stderr } = spawnSync("python3", ["-c", program, file, statement, ...values], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${statement}: ${status} ${stderr}`);
}

async function callApi(url, key, method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

async function keepLog(server, name) {
  const folder = join(ROOT, "tests-output/logs");
  await mkdir(folder, { recursive: true });
  const log = createWriteStream(join(folder, `web-${name}-server.log`));
  server.stdout.pipe(log, { end: false });
  server.stderr.pipe(log, { end: false });
}

async function ready(url, server) {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (Date.now() < deadline && server.exitCode === null) {
    const response = await fetch(`${url}/ready`).catch(() => undefined);
    if (response?.ok) return;
    await pause(50);
  }
  server.kill("SIGKILL");
  throw new Error("the server did not become ready: see tests-output/logs");
}

function freePort() {
  return new Promise((found, fail) => {
    const probe = createServer();
    probe.once("error", fail);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => found(port));
    });
  });
}
