// Receives Panora's webhooks and lets nothing through that Panora did not sign.

import { PanoraSDK } from "@panora/sdk-typescript";
import express from "express";

const port = Number(process.env.PORT ?? 8080);
const panora = new PanoraSDK({ accessToken: process.env.PANORA_API_KEY ?? "MY_API_KEY" });
// Shown once, when the endpoint is made; `POST /webhooks/{id}/reveal_secret` shows it again.
const endpointSecret = process.env.PANORA_WEBHOOK_SECRET;
if (!endpointSecret) throw new Error("Set PANORA_WEBHOOK_SECRET to the endpoint's secret, whsec_...");

const app = express();
app.use(express.json());

app.post("/webhook", async (request, response) => {
  const signature = request.headers["panora-signature"];
  let event;
  try {
    event = await panora.webhook.verifyEvent(request.body, signature, endpointSecret);
  } catch (error) {
    // Without this `return` the lines below would throw, for there is no event. Under Express 5 the caller has its
    // 400 by then and only an error is logged; under Express 4 nobody catches what an async handler throws, and one
    // forged request would end the process.
    console.error(`Refused a request: ${error.message}`);
    return response.status(400).send(`Webhook Error: ${error.message}`);
  }

  switch (event.type) {
    case "connection.created":
      // Store `event.data.connection_token` with your user; the same `event.id_event` may come twice.
      console.log(`${event.data.id_linked_user} connected ${event.data.provider_slug}`);
      break;
    default:
      console.log(`Unhandled event type ${event.type}`);
  }
  response.json({ received: true });
});

app.listen(port, () => console.log(`Running on port ${port}`));
