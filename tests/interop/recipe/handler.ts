import express, { Request, Response } from 'express';
import { PanoraSDK } from '@panora/sdk-typescript';

// Set your api key
// See your keys here: https://dashboard.panora.dev/api-keys
const panora = new PanoraSDK({ accessToken: "MY_API_KEY" });

// Find your endpoint's secret in your webhook settings in the Config Page
const endpointSecret = 'whsec_...';

// This example uses Express to receive webhooks
const app = express();

app.use(express.json());

// Match the raw body to content type application/json
app.post('/webhook', async (request, response) => {
    const sig = request.headers['panora-signature'];

    let event;

    try {
        // Verifies that the event comes from Panora and not from malicious sender
        event = await panora.webhook.verifyEvent(request.body, sig, endpointSecret);
    }
    catch (err) {
        response.status(400).send(`Webhook Error: ${err.message}`);
    }

    // Handle the event
    switch (event.type) {
        case 'connection.created':
            const connectionObject = event.data;
            // Then define and call a method to handle the successful connection creation.
            // handleConnectionCreationSucceeded(connectionObject);
            break;
        default:
            console.log(`Unhandled event type ${event.type}`);
    }

    // Return a response to acknowledge receipt of the event
    response.json({received: true});
});

app.listen(8080, () => console.log('Running on port 8080'));
