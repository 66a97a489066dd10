// Stands before a server under test and passes everything on. What is asked below /shaky goes to the sandbox, as long as
// no trouble is made: so a provider can fail while a person waits, and be well again when they come back.

import { createServer, request } from "node:http";

const TROUBLES = {
  /** The page that a load balancer shows, with a status of its own. */
  unavailable: (answer) =>
    answer.writeHead(503, { "content-type": "text/html", "retry-after": "120" }).end("<h1>upstream_timeout at node-7</h1>"),
  /** The connection ends without an answer. */
  cut: (answer) => answer.destroy(),
};

/** Gives the public `url`, `trouble` (how /shaky fails; undefined for not at all) and `stop`. */
export async function startFront(port) {
  const front = { trouble: undefined };
  const server = createServer((asked, answer) => {
    const shaky = asked.url.startsWith("/shaky/");
    if (shaky && front.trouble) return TROUBLES[front.trouble](answer);
    const path = shaky ? asked.url.replace("/shaky/", "/sandbox/") : asked.url;
    const { method, headers } = asked;
    const passedOn = request({ host: "127.0.0.1", port, path, method, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    passedOn.on("error", () => answer.destroy());
    asked.pipe(passedOn);
  });
  await new Promise((listening, fail) => server.once("error", fail).listen(0, "127.0.0.1", listening));
  front.url = `http://127.0.0.1:${server.address().port}`;
  front.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return front;
}
