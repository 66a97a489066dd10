// The handler of the guide, as printed, receives what the server signs and refuses everything else.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { request } from "node:http";
import { after, before, describe, it } from "node:test";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { EVENT, newSecret, signedDelivery } from "./support/panora.js";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const COMPILER = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const secret = newSecret();
let handler;
let port;

function handlerCode() {
  const printed = readFileSync(`${FOLDER}/recipe/handler.ts`, "utf8");
  const filled = printed.replace("'whsec_...'", `'${secret}'`).replace('"MY_API_KEY"', '"panora_example"');
  const { module, target } = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  return ts.transpileModule(filled, { compilerOptions: { module, target } }).outputText;
}

before(async () => {
  const options = ["--import", "./recipe/any-port.js", "--input-type=module"];
  handler = spawn(process.execPath, options, { cwd: FOLDER, stdio: ["pipe", "ignore", "ignore", "ipc"] });
  handler.stdin.end(handlerCode());
  [port] = await once(handler, "message");
});
after(() => handler?.kill());

/** What the handler answers; a connection of its own each time, for Express closes one after an error. */
async function deliver({ headers, body }) {
  const outgoing = request({ port, path: "/webhook", method: "POST", headers, agent: false });
  outgoing.end(body);
  const [response] = await once(outgoing, "response");
  return { status: response.statusCode, body: await text(response) };
}

async function assertAccepted(delivery) {
  assert.deepEqual(await deliver(delivery), { status: 200, body: '{"received":true}' });
}

/** Refused, and the handler goes on. */
async function assertRefused(delivery) {
  const { status, body } = await deliver(delivery);
  assert.equal(status, 400);
  assert.match(body, /^Webhook Error: /);
  assert.ok(!body.includes(secret.slice("whsec_".length)));
  await assertAccepted(signed());
}

const signed = (parts) => signedDelivery({ secrets: [secret], event: EVENT, ...parts });

describe("the guide's handler", () => {
  it("answers 200 to a signed event", () => assertAccepted(signed()));

  it("answers 200 to an event of an unhandled type", async () => {
    await assertAccepted(signed({ event: { ...EVENT, type: "webhook.test" } }));
  });

  it("answers 200 while two secrets sign", () => assertAccepted(signed({ secrets: [newSecret(), secret] })));

  it("answers 400 with one byte of the body changed", async () => {
    const { headers, body } = signed();
    await assertRefused({ headers, body: body.replace("ct_example", "ct_exampld") });
  });

  it("answers 400 with one byte of the header changed", async () => {
    const { headers, body } = signed();
    const signature = headers["panora-signature"];
    const last = signature.endsWith("0") ? "1" : "0";
    await assertRefused({ headers: { ...headers, "panora-signature": signature.slice(0, -1) + last }, body });
  });

  it("answers 400 to another secret's signature", () => assertRefused(signed({ secrets: [newSecret()] })));

  it("answers 400 to a signature 301 seconds old", () => assertRefused(signed({ age: 301 })));

  it("answers 400 without the header", async () => {
    const { headers, body } = signed();
    await assertRefused({ headers: { "content-type": headers["content-type"] }, body });
  });
});

describe("the guide's code as printed is right to the type checker", () => {
  const check = (...options) => {
    const fixed = ["--noEmit", "--strict", "false", "--esModuleInterop", "--target", "es2022", "recipe/handler.ts"];
    execFileSync(process.execPath, [COMPILER, ...options, ...fixed], { cwd: FOLDER, stdio: "inherit" });
  };

  it("in a project of ES modules", () => check("--module", "nodenext"));

  it("in a project of CommonJS", () => check("--module", "commonjs", "--moduleResolution", "node10"));
});
