// The receiver in Node that docs/webhooks.md prints takes what the server signs and refuses everything else.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { EVENT, newSecret, signedDelivery } from "./support/panora.js";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const PAGE = readFileSync(`${FOLDER}/../../docs/webhooks.md`, "utf8");
const secret = newSecret();
let receiver;
let port;

/** The printed program, which begins with that code. */
function start(secret, begin = "") {
  const [, printed] = PAGE.match(/^```js\n(.*?)^```$/ms);
  const program = spawn(process.execPath, ["--import", "./recipe/any-port.js", "--input-type=module"], {
    cwd: FOLDER,
    env: { ...process.env, PANORA_WEBHOOK_SECRET: secret },
    stdio: ["pipe", "ignore", "ignore", "ipc"],
  });
  program.stdin.end(printed + begin);
  return program;
}

before(async () => {
  receiver = start(secret);
  [port] = await once(receiver, "message");
});
after(() => receiver?.kill());

const signed = (parts) => signedDelivery({ secrets: [secret], event: EVENT, ...parts });

async function assertAnswers(status, { headers, body }) {
  const response = await fetch(`http://127.0.0.1:${port}/webhook`, { method: "POST", headers, body });
  assert.equal(response.status, status);
}

describe("the receiver printed in docs/webhooks.md, in Node", () => {
  it("takes a signed event", () => assertAnswers(200, signed()));

  it("takes it while two secrets sign", () => assertAnswers(200, signed({ secrets: [newSecret(), secret] })));

  it("takes it with a version that it does not know", async () => {
    const { headers, body } = signed();
    const header = `${headers["panora-signature"]},v2=ffff`;
    await assertAnswers(200, { headers: { ...headers, "panora-signature": header }, body });
  });

  it("refuses a changed body", async () => {
    const { headers, body } = signed();
    await assertAnswers(400, { headers, body: body.replace("ct_example", "ct_exampld") });
  });

  it("refuses another secret", () => assertAnswers(400, signed({ secrets: [newSecret()] })));

  it("refuses what was signed more than 300 seconds before or after its time", async () => {
    for (const age of [310, -310]) await assertAnswers(400, signed({ age }));
    for (const age of [290, -290]) await assertAnswers(200, signed({ age }));
  });

  it("refuses headers that nobody signed, and goes on", async () => {
    const { body } = signed();
    await assertAnswers(400, { headers: {}, body });
    for (const header of ["", "t,v1", "t=1", "v1=ab", "t=1,v1=ab", "t=1,t=1,v1=ab"]) {
      await assertAnswers(400, { headers: { "panora-signature": header }, body });
    }
    await assertAnswers(200, signed());
  });

  it("refuses a body that is longer than any event", async () => {
    const connection = connect(port, "127.0.0.1");
    connection.write(`POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 ** 20 + 1}\r\nConnection: close\r\n\r\n{}`);
    assert.match(await text(connection), /^HTTP\/1.1 400 /);
    const body = new Blob(["x".repeat(2 ** 20 + 1)]).stream();
    const refused = await fetch(`http://127.0.0.1:${port}/webhook`, { method: "POST", body, duplex: "half" }).then(
      (response) => response.status,
      () => 400,
    );
    assert.equal(refused, 400);
    await assertAnswers(200, signed());
  });

  it("keeps the event before it answers", async () => {
    const full = start(secret, "\nconsole.log = (_id, type) => { if (type) throw new Error('the disk is full'); };\n");
    try {
      const [at] = await once(full, "message");
      const { headers, body } = signed();
      await assert.rejects(fetch(`http://127.0.0.1:${at}/webhook`, { method: "POST", headers, body }));
    } finally {
      full.kill();
    }
  });

  it("does not start with what is no secret", async () => {
    const texts = ["", "whsec_", "whsec_[redacted]", "whsec_c2hvcnQ=", `whsec_${"A".repeat(100)}`, `whsec_${"A".repeat(31)}*`];
    for (const text of texts) {
      const [code] = await once(start(text), "exit");
      assert.equal(code, 1, text);
    }
  });
});
