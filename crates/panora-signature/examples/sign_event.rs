//! Signs a delivery as the server does: reads `{"secrets": [..], "id": "..", "timestamp": .., "event": {..}}` from
//! standard input, writes `{"headers": {..}, "body": ".."}`. The tests across languages receive what it makes.

use std::error::Error;
use std::io::Read;

use panora_signature::{WebhookSecret, canonical_json, intake, sign};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    let order = intake::parse_nested(&input, intake::MAX_LEVELS + 1)?;
    let texts = order["secrets"].as_array().ok_or("`secrets` is an array")?;
    let secrets = texts.iter().map(|text| WebhookSecret::parse(text.as_str().unwrap_or_default()));
    let secrets = secrets.collect::<Result<Vec<_>, _>>()?;
    let id = order["id"].as_str().ok_or("`id` is a string")?;
    let timestamp = order["timestamp"].as_i64().ok_or("`timestamp` is in seconds")?;
    let body = canonical_json(&order["event"]);
    let signed = sign(&secrets, id, timestamp, &body);
    let delivery: Value = json!({
        "headers": {
            "content-type": "application/json",
            "panora-signature": signed.panora_signature,
            "webhook-id": id,
            "webhook-timestamp": timestamp.to_string(),
            "webhook-signature": signed.webhook_signature,
        },
        "body": String::from_utf8(body)?,
    });
    println!("{delivery}");
    Ok(())
}
