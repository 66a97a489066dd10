//! `kill -9` at any moment, again and again: every stored connection has its event, every accepted import is
//! stored, and duplicates carry the same `id_event`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use panora::clock::Clock;
use panora::random::Random;

use crate::support::{
    Api, Browser, Database, PAST_LEASES, Process, Receiver, Settings, an_import, free_port, is_full, seed,
    text,
};
use serde_json::{Value, json};

/// What the callers were told before the server was killed under them.
#[derive(Default)]
struct Told {
    accepted: Mutex<BTreeSet<String>>,
}

#[tokio::test]
async fn no_connection_and_no_event_is_lost_to_kill_9() {
    let seed = seed();
    let kills = if is_full() { 50 } else { 5 };
    println!("PANORA_SEED={seed}, {kills} kills");
    let random = Random::seeded(seed);
    let (database, receiver, told) = (Database::fresh().await, Receiver::start().await, Told::default());
    let (port, key) = (free_port(), Process::new_key());
    let url = format!("http://127.0.0.1:{port}");
    for round in 0..kills {
        let process = Process::start(&database, port, &key, &[("PANORA_PUBLIC_URL", &url)]).await;
        if round == 0 {
            process.endpoint(&receiver, &["connection.created"]).await;
        }
        let moment = Duration::from_millis(20 + random.below(600));
        let callers = process.with_key(&key);
        // Killed under callers that wait for their answers.
        let end = async {
            drop(tokio::time::timeout(moment, std::future::pending::<()>()).await);
            process.kill();
        };
        tokio::select! {
            () = work(&callers, round, &told) => panic!("the work has no end of its own"),
            () = end => {}
        }
    }
    let clock = Clock::system();
    clock.advance(PAST_LEASES);
    let bind = format!("127.0.0.1:{port}");
    let last = Settings::default().database(database).flag("--bind", &bind).start_at(clock).await;
    let stored = all_connections(&last).await;
    let accepted = told.accepted.into_inner().expect("no caller panicked");
    assert!(accepted.is_subset(&stored), "accepted and not stored: {:?}", accepted.difference(&stored));
    assert!(!stored.is_empty());
    let arrived = receiver
        .wait_until(&format!("the events of {} connections", stored.len()), |arrived| {
            let told: BTreeSet<_> = arrived.iter().map(|it| text(&it.data()["id_connection"])).collect();
            told.is_superset(&stored)
        })
        .await;
    let mut events: BTreeMap<String, BTreeSet<(String, Vec<u8>)>> = BTreeMap::new();
    for delivery in arrived {
        let same = (delivery.id_event().to_owned(), delivery.body.clone());
        events.entry(text(&delivery.data()["id_connection"])).or_default().insert(same);
    }
    assert!(
        events.values().all(|of_one| of_one.len() == 1),
        "a connection with two events, or an event with two bodies"
    );
    assert_eq!(events.keys().cloned().collect::<BTreeSet<_>>(), stored);
    println!("{} connections, {} accepted imports", stored.len(), accepted.len());
}

/// Imports from three callers and flows from one browser, until the server dies.
async fn work(server: &Api, round: u64, told: &Told) {
    let imports = (0..3).map(|caller| async move {
        for number in 0.. {
            let body = an_import(&format!("import-{round}-{caller}-{number}"), json!({}));
            let request = server.request(reqwest::Method::POST, "/connections");
            let request = request.header("content-type", "application/json").body(body.to_string());
            let Ok(answer) = request.send().await else { return };
            let Ok(text_of_answer) = answer.text().await else { return };
            let answer: Value = serde_json::from_str(&text_of_answer).unwrap_or_default();
            if let Some(id) = answer["id_connection"].as_str() {
                told.accepted.lock().expect("no caller panicked").insert(id.to_owned());
            }
        }
    });
    let flows = async {
        for number in 0.. {
            let link = server.link(&format!("flow-{round}-{number}")).await;
            Browser::new().connect(&link).await;
        }
    };
    tokio::join!(join_all(imports), flows);
}

/// The ids of all stored connections, page by page.
async fn all_connections(server: &Api) -> BTreeSet<String> {
    server.all("/connections?limit=200").await.iter().map(|it| text(&it["id_connection"])).collect()
}
