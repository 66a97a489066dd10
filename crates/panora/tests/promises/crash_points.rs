//! The server dies at a point of its choice, at each in turn: before a statement that writes, before a commit, after
//! one. Whatever was answered is stored, whatever is stored is told, and nothing is told in two ways.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use panora::clock::Clock;
use panora::random::Random;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Api, Browser, Database, PAST_LEASES, Process, Receiver, Reply, Settings, TestServer, acceptances,
    all_delivered, an_import, complete, free_port, is_full, seed, text,
};

/// Points that are tried where not all are.
const SAMPLE: u64 = 12;
/// Servers that die at the same time.
const AT_ONCE: u64 = 3;
/// Not the number of any point.
const NEVER: u64 = 0;

/// What the server answered before it died.
#[derive(Default)]
struct Answered {
    imports: BTreeSet<String>,
    keyed: Option<String>,
    revoked: Option<String>,
}

/// What came of one run.
struct Run {
    /// Whether it died at the point.
    died: bool,
    points: u64,
    duplicates: usize,
}

#[tokio::test]
async fn nothing_is_lost_wherever_the_server_dies() {
    let seed = seed();
    let all = run(NEVER).await.points;
    let points: Vec<u64> = if is_full() {
        (1..=all).collect()
    } else {
        let random = Random::seeded(seed);
        (0..SAMPLE).map(|part| 1 + all * part / SAMPLE + random.below(all / SAMPLE)).collect()
    };
    println!("PANORA_SEED={seed}, {} of about {all} points: {points:?}", points.len());
    let (mut died, mut duplicates) = (0, 0);
    for some in points.chunks(usize::try_from(AT_ONCE).expect("a few")) {
        for run in join_all(some.iter().map(|point| run(*point))).await {
            died += usize::from(run.died);
            duplicates += run.duplicates;
        }
    }
    // How imports and results are grouped is not the same in every run: a few points fewer or more.
    assert!(died * 10 >= points.len() * 8, "{died} of {} servers died", points.len());
    println!("{died} servers died, {duplicates} deliveries came twice");
    if is_full() {
        let mut beyond = all + 1;
        while run(beyond).await.died {
            beyond += 1;
        }
    }
}

/// Has a server die at this point, starts another on what it left, and checks that.
async fn run(point: u64) -> Run {
    let (database, receiver, key) = (Database::fresh().await, Receiver::start().await, Process::new_key());
    receiver.replies([Reply::Status(500)]);
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let variables = [("PANORA_PUBLIC_URL", &*url), ("PANORA_TEST_CRASH_AT", &point.to_string())];
    let mut process = Process::spawn(&[], &database, port, &key, &variables);
    let (mut answered, mut finished) = (Answered::default(), false);
    if process.is_ready_before_it_ends().await {
        finished = work(&process, &receiver, &mut answered).await.is_some();
    }
    let points = points_in(&process.log());
    if finished {
        process.kill();
    } else {
        process.wait_for_end().await;
    }
    let (recorded, arrived) = if answered.imports.is_empty() && answered.keyed.is_none() {
        // The tables may not be there yet.
        (Vec::new(), 0)
    } else {
        let recorded = database.texts("SELECT id_event FROM deliveries WHERE state = 'delivered'").await;
        (recorded, receiver.arrived().len())
    };
    let clock = Clock::system();
    clock.advance(PAST_LEASES);
    let bind = format!("127.0.0.1:{port}");
    let server = Settings::default().database(database).flag("--bind", bind).start_at(clock).await;
    all_delivered(&server).await;
    check_connections(&server, &answered).await;
    let duplicates = check_arrivals(&server, &receiver, &recorded, arrived).await;
    server.stop().await;
    Run { died: !finished, points, duplicates }
}

/// A little of everything that writes. None where the server died on the way.
async fn work(server: &Api, receiver: &Receiver, answered: &mut Answered) -> Option<()> {
    let endpoint = json!({"url": receiver.url(), "scope": ["*"], "retry_schedule": [1, 1, 1, 1]});
    let (_, endpoint) = server.ask(Method::POST, "/webhooks", Some(&endpoint)).await?;
    let imports = (0..3).map(|number| async move {
        let import = an_import(&format!("user-{number}"), json!({}));
        server.ask(Method::POST, "/connections", Some(&import)).await
    });
    let (imports, keyed) = tokio::join!(join_all(imports), keyed_import(server));
    for (status, import) in imports.iter().flatten() {
        assert_eq!(*status, 201, "{import}");
        answered.imports.insert(text(&import["id_connection"]));
    }
    answered.keyed = keyed.map(|import| text(&import["id_connection"]));
    if imports.contains(&None) {
        return None;
    }
    let link = json!({"linked_user_origin_id": "person", "providers": ["sandbox"]});
    let (_, link) = server.ask(Method::POST, "/magic_links", Some(&link)).await?;
    let page = Browser::new().try_connect(&text(&link["url"])).await?;
    assert!(page.url.path().ends_with("/done"), "{}", page.text());
    let (_, of_person) = server.ask(Method::GET, "/connections?linked_user_origin_id=person", None).await?;
    let connected = text(&of_person[0]["id_connection"]);
    answered.imports.insert(connected.clone());
    server.ask(Method::DELETE, &format!("/connections/{connected}"), None).await?;
    answered.revoked = Some(connected);
    // Five connections and a revocation.
    let log = format!("/webhooks/{}/deliveries?status=delivered", text(&endpoint["id_webhook_endpoint"]));
    let mut again = tokio::time::interval(Duration::from_millis(50));
    loop {
        let (_, delivered) = server.ask(Method::GET, &log, None).await?;
        if delivered["data"].as_array().is_some_and(|all| all.len() == 6) {
            return Some(());
        }
        again.tick().await;
    }
}

async fn keyed_import(server: &Api) -> Option<Value> {
    let request = server.request(Method::POST, "/connections").header("idempotency-key", "once");
    let request = request.header("content-type", "application/json");
    let (status, import) = complete(request.body(an_import("keyed", json!({})).to_string())).await?;
    assert_eq!(status, 201, "{import}");
    Some(import)
}

/// How many points the server has passed, by its log.
fn points_in(log: &str) -> u64 {
    let last = log.lines().rev().find(|line| line.contains("a crash point"));
    let number = last.and_then(|line| line.split("number=").nth(1)?.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("the server passed no point:\n{log}"))
}

/// Each connection has its event, each event its connection, and what was answered is there.
async fn check_connections(server: &TestServer, answered: &Answered) {
    let again = keyed_import(server).await.expect("the server answers");
    assert!(answered.keyed.as_ref().is_none_or(|id| *id == text(&again["id_connection"])));
    assert_eq!(server.connections_of("keyed").await.len(), 1, "an import with a key is made once");
    let connections = server.all("/connections?limit=200").await;
    let stored: BTreeSet<_> = connections.iter().map(|it| text(&it["id_connection"])).collect();
    assert!(answered.imports.is_subset(&stored), "answered and not stored");
    let events = server.all("/events?limit=200").await;
    let told = |kind: &str| {
        let of_kind = events.iter().filter(|event| event["type"] == kind);
        let mut ids: Vec<_> = of_kind.map(|event| text(&event["data"]["id_connection"])).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(told("connection.created"), Vec::from_iter(stored), "one event for each connection");
    let revoked = connections.iter().filter(|it| it["status"] == "revoked");
    let revoked: Vec<_> = revoked.map(|it| text(&it["id_connection"])).collect();
    assert_eq!(told("connection.revoked"), revoked, "one event for each revocation");
    assert!(answered.revoked.as_ref().is_none_or(|id| revoked.contains(id)));
}

/// Whatever arrived twice was not recorded when the server died; how many those were.
async fn check_arrivals(
    server: &TestServer,
    receiver: &Receiver,
    recorded: &[String],
    before: usize,
) -> usize {
    // The one that `check_connections` may have made.
    all_delivered(server).await;
    let arrived = receiver.arrived();
    let again: Vec<_> = arrived[before..].iter().map(|it| it.id_event().to_owned()).collect();
    assert!(!again.iter().any(|id| recorded.contains(id)), "sent again after it was recorded");
    let counts = acceptances(&arrived);
    assert!(counts.values().all(|count| (1..=2).contains(count)), "{counts:?}");
    counts.values().filter(|count| **count == 2).count()
}
