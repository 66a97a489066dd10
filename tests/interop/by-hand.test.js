// The receiver in Node that docs/webhooks.md prints takes what the server signs and refuses everything else.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { EVENT, newSecret, signedDelivery } from "./support/panora.js";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const PAGE = readFileSync(`${FOLDER}/../../docs/webhooks.md`, "utf8");
const secret = newSecret();
let receiver;
let port;

before(async () => {
  const [, printed] = PAGE.match(/^```js\n(.*?)^```$/ms);
  receiver = spawn(process.execPath, ["--import", "./recipe/any-port.js", "--input-type=module"], {
    cwd: FOLDER,
    env: { ...process.env, WEBHOOK_SECRET: secret },
    stdio: ["pipe", "ignore", "inherit", "ipc"],
  });
  receiver.stdin.end(printed);
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
});
