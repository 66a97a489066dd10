//! After everything that makes secrets has happened, none of them stands in plain text in the database, in its
//! write-ahead log, or in what the server has logged.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::{
    Browser, Database, Process, Receiver, Reply, Road, an_import, free_port, secret_bytes, text,
};

/// Secrets by what they are; as bytes, since some are none in text.
type Secrets = BTreeSet<(&'static str, Vec<u8>)>;

#[tokio::test]
async fn no_secret_is_found_in_the_database_or_the_logs() {
    let (database, road, port) = (Database::fresh().await, Road::start().await, free_port());
    let key = Process::new_key();
    let variables = [("PANORA_PUBLIC_URL", road.url.as_str()), ("PANORA_LOG", "debug")];
    let process = Process::start(&database, port, &key, &variables).await;
    road.leads_to(&process.url);
    let mut secrets = Secrets::from([("API key", key.clone().into_bytes())]);
    use_everything(&process, &road, &mut secrets).await;
    secrets_that_passed(&road, &mut secrets);
    let log = process.log();
    // Killed, so that the write-ahead log is there to be read too.
    process.kill();
    let stored = database.bytes().await;
    assert!(log.contains("/connections/oauth/callback") && stored.len() > 10_000, "nothing was looked at");
    let kinds: BTreeSet<_> = secrets.iter().map(|(kind, _)| *kind).collect();
    for kind in [
        "API key",
        "link token",
        "flow cookie",
        "state",
        "code",
        "verifier",
        "access_token",
        "refresh_token",
        "connection token",
        "whsec text",
        "whsec bytes",
        "answer of a receiver",
        "custom header",
        "imported token",
        "client secret",
    ] {
        assert!(kinds.contains(kind), "no {kind} was made");
    }
    for (kind, secret) in &secrets {
        assert!(!holds(&stored, secret), "{kind} in the database");
        assert!(!holds(log.as_bytes(), secret), "{kind} in the log");
    }
}

/// Connects, delivers, fails, refreshes, renews, rotates, imports and revokes.
async fn use_everything(process: &Process, road: &Road, secrets: &mut Secrets) {
    let server = process.with_key(&process.key);
    let receiver = Receiver::start().await;
    let told = "the-receiver-answers-with-a-secret-of-its-own";
    receiver.replies([Reply::Full(
        500,
        vec![("x-debug".to_owned(), told.to_owned())],
        format!("{{\"token\": \"{told}\"}}"),
    )]);
    let custom = json!({"scope": ["*"], "headers": {"X-Password": "a-custom-header-s-password"}});
    let endpoint = server.endpoint_with(&receiver, custom).await;
    secrets.insert(("answer of a receiver", told.into()));
    secrets.insert(("custom header", "a-custom-header-s-password".into()));
    add_webhook_secret(secrets, &endpoint.secret);
    let body = json!({"linked_user_origin_id": "user-1", "providers": ["sandbox"]});
    let link = server.post_once("/magic_links", "key-1", &body).await.expect(201);
    let link = text(&link["url"]);
    secrets.insert(("link token", link.rsplit('/').next().expect("a token").into()));
    let browser = Browser::new();
    browser.connect(&link).await.assert_says(200, "Sandbox is connected");
    let cookie = road.all_passed().iter().find_map(|it| {
        let cookie = it.answer_headers.get("set-cookie")?.to_str().ok()?;
        Some(cookie.split(['=', ';']).nth(1)?.to_owned())
    });
    secrets.insert(("flow cookie", cookie.expect("the flow's cookie").into()));
    let token = text(&server.connection_of("user-1").await["connection_token"]);
    server.passthrough(&token, &json!({"method": "GET", "path": "/me"})).await.expect(200);
    let app = json!({"client_id": "an-id", "client_secret": "the-secret-of-an-oauth-client"});
    server.put("/providers/hubspot/app", &app).await.expect(200);
    server.get("/doctor/sandbox").await.expect(200);
    secrets.insert(("client secret", "the-secret-of-an-oauth-client".into()));
    let rotated = server.post_raw(&format!("/webhooks/{}/rotate_secret", endpoint.id), "").await.expect(200);
    add_webhook_secret(secrets, &text(&rotated["secret"]));
    let imported = json!({"credentials": {"access_token": "an-imported-access-token", "refresh_token": "an-imported-refresh-token"}});
    let import = server.post_once("/connections", "key-2", &an_import("user-2", imported)).await.expect(201);
    secrets.insert(("imported token", "an-imported-access-token".into()));
    secrets.insert(("imported token", "an-imported-refresh-token".into()));
    for secret in [token, text(&import["connection_token"])] {
        secrets.insert(("connection token", secret.into()));
    }
    let connected = text(&server.connection_of("user-1").await["id_connection"]);
    for _ in 0..2 {
        server.post_raw(&format!("/connections/{connected}/refresh"), "").await.expect(200);
    }
    let batched = json!({"credentials": {"access_token": "a-batched-access-token", "refresh_token": "a-batched-refresh-token"}});
    let batch = json!({"connections": [an_import("user-3", batched)]});
    let batch = server.post_once("/connections/batch", "key-3", &batch).await.expect(201);
    secrets.insert(("imported token", "a-batched-access-token".into()));
    secrets.insert(("imported token", "a-batched-refresh-token".into()));
    secrets.insert(("connection token", text(&batch["data"][0]["connection"]["connection_token"]).into()));
    receiver.wait_for(2).await;
    server.all_attempted(&endpoint).await;
    server.delete(&format!("/connections/{}", text(&import["id_connection"]))).await.expect(200);
}

fn add_webhook_secret(secrets: &mut Secrets, secret: &str) {
    let bytes = secret_bytes(secret);
    secrets.insert(("whsec text", secret.trim_start_matches("whsec_").into()));
    secrets.insert(("whsec bytes", hex::encode(&bytes).into()));
    secrets.insert(("whsec bytes", bytes));
}

/// What only the provider and the browser saw: states, codes, verifiers, tokens.
fn secrets_that_passed(road: &Road, secrets: &mut Secrets) {
    for exchange in road.all_passed() {
        let query = exchange.target.split_once('?').map_or("", |(_, query)| query);
        for bytes in [query.as_bytes(), &exchange.body] {
            for (name, value) in url::form_urlencoded::parse(bytes) {
                let kind = match name.as_ref() {
                    "state" => "state",
                    "code" => "code",
                    "code_verifier" => "verifier",
                    _ => continue,
                };
                secrets.insert((kind, value.into_owned().into_bytes()));
            }
        }
        let answer: Value = serde_json::from_slice(&exchange.answer).unwrap_or_default();
        for kind in ["access_token", "refresh_token"] {
            if let Some(secret) = answer[kind].as_str() {
                secrets.insert((kind, secret.into()));
            }
        }
    }
}

/// Whether the bytes hold the secret, as it is or in base64.
fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    let exactly = |it: &[u8]| it.iter().map(|byte| format!("\\x{byte:02x}")).collect::<Vec<_>>().concat();
    let either =
        format!("(?-u)(?:{}|{})", exactly(secret), exactly(BASE64_STANDARD.encode(secret).as_bytes()));
    regex::bytes::Regex::new(&either).expect("every byte is escaped").is_match(bytes)
}
