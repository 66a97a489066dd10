// Loaded before a printed receiver: gives it any free port in place of its 8080, and tells the test which.

import { Server } from "node:net";

const { listen } = Server.prototype;
Server.prototype.listen = function listenAnywhere(...given) {
  return listen.call(this, 0, "127.0.0.1", () => {
    given.at(-1)();
    process.send(this.address().port);
  });
};
