//! A day after a person was forgotten nothing of the person is left: neither in any table nor under any seal.

use std::time::Duration;

use panora::vault::{Sealed, Slot};
use reqwest::Method;
use serde_json::json;

use crate::support::{Browser, Receiver, Reply, TestServer, eventually, sent, text};

/// What the customer says of the person.
const TOLD: [&str; 6] = [
    "origin-of-ada",
    "Ada of Analytical",
    "ada@lovelace.example",
    "a-note-on-ada",
    "a-tag-of-ada",
    "way-of-ada",
];

/// Whatever is sealed, by table and column.
const SEALED: [(&str, &str, Slot); 6] = [
    ("events", "body", Slot::EventBody),
    ("attempts", "detail", Slot::AttemptDetail),
    ("flows", "answers", Slot::FlowAnswers),
    ("jobs", "payload", Slot::JobPayload),
    ("connections", "credentials", Slot::ConnectionCredentials),
    ("connections", "token_sealed", Slot::ConnectionToken),
];

#[tokio::test]
async fn a_day_after_a_person_was_forgotten_nothing_of_the_person_is_left() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let (words, user) = use_as_ada(&server, &receiver).await;
    let before = everything(&server).await;
    for word in &words {
        assert!(places(&before, word).next().is_some(), "{word} was never stored");
    }
    server.delete(&format!("/linked_users/{user}")).await.expect(200);
    // Answers for callers that ask again, flows and their states live for a day.
    server.advance(Duration::from_hours(24) + Duration::from_mins(1));
    let short_lived = "SELECT (SELECT COUNT(*) FROM idempotency_records) + (SELECT COUNT(*) FROM flows) \
                       + (SELECT COUNT(*) FROM oauth_states) + (SELECT COUNT(*) FROM jobs)";
    eventually("what is short-lived to go", || async {
        server.advance(Duration::from_mins(1));
        (server.database().number(short_lived).await == 0).then_some(())
    })
    .await;
    let after = everything(&server).await;
    assert!(after.len() > 20, "nothing was looked at");
    for word in &words {
        assert_eq!(places(&after, word).collect::<Vec<_>>(), [""; 0], "{word}");
    }
    // What has to stay is there: that the connection was revoked, and how deliveries went.
    let events = server.get("/events").await.expect(200);
    assert_eq!(
        (&events[0]["type"], &events[0]["data"]["id_linked_user"]),
        (&json!("connection.revoked"), &json!(user))
    );
    assert!(
        events.as_array().is_some_and(|all| all[1..].iter().any(|event| event["data"].is_null())),
        "{events}"
    );
}

/// Connects, imports, fails and delivers as a person; gives what is known of the person then, and the person's id.
async fn use_as_ada(server: &TestServer, receiver: &Receiver) -> (Vec<String>, String) {
    let [origin_id, alias, email, note, tag, way] = TOLD;
    let echo = Reply::Full(500, vec![("x-echo".to_owned(), note.to_owned())], format!("no {email} here"));
    receiver.replies([echo]);
    server.endpoint(receiver, &["*"]).await;
    server.endpoint_with(receiver, json!({"active": false})).await;
    let metadata = json!({"note": note, "tags": [tag]});
    let body = json!({"linked_user_origin_id": origin_id, "alias": alias, "email": email, "metadata": metadata,
        "providers": ["sandbox"], "return_url": format!("https://acme.example/{way}"), "single_use": false});
    let link = server.post_once("/magic_links", "a-key", &body).await.expect(201);
    Browser::new().connect_as(&text(&link["url"]), "acme").await.assert_says(200, "is connected");
    let connection = server.connection_of(origin_id).await;
    // Left half way, with a state that is still open.
    Browser::new().to_consent(&text(&link["url"])).await;
    let declined = Browser::new();
    let consent = declined.to_consent(&text(&link["url"])).await;
    declined.submit(&consent.form().deny()).await;
    server.import(origin_id, json!({"metadata": metadata})).await;
    receiver.wait_for(3).await;
    let query = [("linked_user_origin_id", origin_id)];
    assert!(sent(server.request(Method::GET, "/connections").query(&query)).await.text.contains(note));
    let told = |field: &str| connection["account"][field].as_str().map(ToOwned::to_owned);
    let mut words: Vec<String> = TOLD.iter().map(ToString::to_string).collect();
    words.extend(["id", "name", "email"].into_iter().filter_map(told));
    assert_eq!(words.len(), 9, "{connection}");
    (words, text(&connection["id_linked_user"]))
}

/// Every stored value, opened where it is sealed; not the pretend provider's own.
async fn everything(server: &TestServer) -> Vec<(String, Vec<u8>)> {
    let mut values = server.database().values().await;
    values.retain(|(place, _)| !place.starts_with("sandbox_"));
    for (table, column, slot) in SEALED {
        for (id, sealed) in server.database().sealed(table, column).await {
            let opened = server.app().vault.open(slot, &id, &Sealed(sealed)).expect("it can be opened");
            values.push((format!("{table}.{column}, opened"), opened));
        }
    }
    values
}

/// Where a word stands.
fn places<'a>(values: &'a [(String, Vec<u8>)], word: &'a str) -> impl Iterator<Item = &'a str> {
    let holds = move |bytes: &[u8]| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    values.iter().filter(move |(_, value)| holds(value)).map(|(place, _)| place.as_str())
}
