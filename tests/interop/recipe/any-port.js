// Loaded before the guide's handler: gives it any free port in place of its 8080, and tells the test which.

import { Server } from "node:net";

const { listen } = Server.prototype;
Server.prototype.listen = function listenAnywhere(_port, announce) {
  return listen.call(this, 0, "127.0.0.1", () => {
    announce();
    process.send(this.address().port);
  });
};
