//! The server dies in the midst of a refresh, at each point in turn. What it leaves works again, unless the provider is
//! so strict that nothing could: then that is told.

use futures_util::future::join_all;
use panora::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Api, Database, PAST_LEASES, Process, RotatingProvider, Rotation, TestServer, eventually, free_port, text,
};

/// Not the number of any point.
const NEVER: u64 = 0;

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Works,
    NeedsReauth,
}

struct Run {
    end: End,
    died: bool,
    /// Points passed before the refresh and after it.
    points: (u64, u64),
    refreshes: Vec<String>,
}

#[tokio::test]
async fn wherever_the_server_dies_a_forgiving_provider_s_connection_works_again() {
    let runs = runs(Rotation::Forgiving).await;
    assert!(runs.iter().filter(|run| run.died).count() > 3, "the servers died");
    for run in runs {
        assert_eq!(run.end, End::Works, "{:?}", run.refreshes);
    }
}

#[tokio::test]
async fn wherever_the_server_dies_a_strict_provider_s_connection_works_or_the_loss_is_told() {
    let runs = runs(Rotation::Strict).await;
    let (mut worked, mut lost) = (0, 0);
    for run in runs.iter().filter(|run| run.died) {
        // Only an answer that the provider gave and nobody could store is beyond help.
        let sent_twice = run.refreshes.iter().filter(|token| *token == "refresh-acme-1").count() > 1;
        assert_eq!(run.end == End::NeedsReauth, sent_twice, "{:?}", run.refreshes);
        worked += u32::from(!sent_twice);
        lost += u32::from(sent_twice);
    }
    assert!(worked > 0 && lost > 0, "{worked} worked, {lost} lost");
}

#[tokio::test]
async fn what_a_crash_has_interrupted_is_finished_though_nobody_asks() {
    let (_, last) = run(Rotation::Forgiving, NEVER).await.expect("it does not die").points;
    let died = crashed(Rotation::Forgiving, last.saturating_sub(1)).await;
    let Some((provider, database, _)) = died else { return };
    let before = provider.refreshes().len();
    let clock = Clock::system();
    clock.advance(PAST_LEASES);
    let server = provider.settings_on(database).start_at(clock).await;
    eventually("another refresh or the record of the first", || async {
        let open = "SELECT COUNT(*) FROM connections WHERE refresh_begun_at IS NOT NULL";
        (server.database().number(open).await == 0).then_some(())
    })
    .await;
    assert!(provider.refreshes().len() <= before + 1);
}

/// Runs that die at each point of a refresh. What a server does beside it passes points too: not in every run the same
/// ones, so a few more are tried on both sides.
async fn runs(rotation: Rotation) -> Vec<Run> {
    let (first, last) = run(rotation, NEVER).await.expect("it does not die").points;
    assert!(last > first + 3, "the refresh passes points: {first} to {last}");
    join_all((first - 1..=last + 4).map(|point| run(rotation, point))).await.into_iter().flatten().collect()
}

/// A server that has died at this point, or has not come to it; with the points before and after the refresh. None where
/// it died before that.
async fn crashed(rotation: Rotation, point: u64) -> Option<(RotatingProvider, Database, (u64, u64, bool))> {
    let (provider, database, key) =
        (RotatingProvider::start(rotation).await, Database::fresh().await, Process::new_key());
    let port = free_port();
    let (folder, at) = (RotatingProvider::folder(&database), point.to_string());
    let variables = [
        ("PANORA_PUBLIC_URL", &*provider.url),
        ("PANORA_PROVIDERS_DIR", &*folder),
        ("PANORA_TEST_CRASH_AT", &*at),
    ];
    let mut process = Process::spawn(&[], &database, port, &key, &variables);
    if !process.is_ready_before_it_ends().await {
        return None;
    }
    let body = crate::support::an_import("user-1", provider.expired("acme"));
    let (_, made) = process.ask(Method::POST, "/connections", Some(&body)).await?;
    let before = points_in(&process.log());
    let finished = call(&process, &text(&made["connection_token"])).await.is_some();
    let after = points_in(&process.log());
    if finished {
        process.kill();
    } else {
        process.wait_for_end().await;
    }
    Some((provider, database, (before, after, !finished)))
}

async fn run(rotation: Rotation, point: u64) -> Option<Run> {
    let (provider, database, (before, after, died)) = crashed(rotation, point).await?;
    let clock = Clock::system();
    clock.advance(PAST_LEASES);
    let server = provider.settings_on(database).start_at(clock).await;
    let connection = server.connection_of("user-1").await;
    let token = text(&connection["connection_token"]);
    let answer = server.passthrough(&token, &json!({"method": "GET", "path": "/me"})).await;
    let end = if answer.status == 200 {
        assert_eq!(answer.body["status"], 200, "{}", answer.text);
        End::Works
    } else {
        answer.assert_problem(409, "needs_reauth");
        is_told(&server).await;
        End::NeedsReauth
    };
    Some(Run { end, died, points: (before, after), refreshes: provider.refreshes() })
}

/// Checks that the loss is told once.
async fn is_told(server: &TestServer) {
    let events = server.all("/events?limit=200").await;
    let told = events.iter().filter(|event| event["type"] == "connection.needs_reauth").count();
    assert_eq!(told, 1);
}

async fn call(server: &Api, token: &str) -> Option<Value> {
    let request = server.request(Method::POST, "/passthrough").header("x-connection-token", token);
    let body = json!({"method": "GET", "path": "/me"}).to_string();
    let request = request.header("content-type", "application/json").body(body);
    Some(crate::support::complete(request).await?.1)
}

/// How many points the server has passed, by its log.
fn points_in(log: &str) -> u64 {
    let last = log.lines().rev().find(|line| line.contains("a crash point"));
    last.and_then(|line| line.split("number=").nth(1)?.split(' ').next()?.parse().ok()).unwrap_or(0)
}
