//! Access tokens are refreshed before they end and once they are refused, by one caller at a time on whatever node, and
//! what nobody uses is kept alive.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Instead, RotatingProvider, Rotation, TestServer, an_import, eventually, text};

const PATH: &str = "/me";

async fn given(rotation: Rotation) -> (RotatingProvider, TestServer) {
    let provider = RotatingProvider::start(rotation).await;
    let server = provider.settings().await.start().await;
    (provider, server)
}

/// Three nodes on PostgreSQL, on SQLite the one that there can be.
async fn nodes(provider: &RotatingProvider) -> Vec<TestServer> {
    let mut nodes = vec![provider.settings().await.start().await];
    while nodes[0].database().url().is_some() && nodes.len() < 3 {
        nodes.push(provider.settings_beside(&nodes[0]).start().await);
    }
    nodes
}

async fn import(server: &TestServer, body: Value) -> (String, String) {
    let made = server.import("user-1", body).await;
    (text(&made["id_connection"]), text(&made["connection_token"]))
}

async fn call(server: &TestServer, token: &str) -> Answer {
    server.passthrough(token, &json!({"method": "GET", "path": PATH})).await
}

/// Checks that the provider has taken the call.
#[track_caller]
fn assert_right(answer: Answer, name: &str) {
    let answer = answer.expect(200);
    assert_eq!((&answer["status"], &answer["data"]["id"]), (&json!(200), &json!(name)), "{answer}");
}

/// Waits until no refresh is under way.
async fn is_recorded(server: &TestServer) {
    let open = "SELECT COUNT(*) FROM connections WHERE refresh_begun_at IS NOT NULL";
    eventually("the refresh to be recorded", || async {
        (server.database().number(open).await == 0).then_some(())
    })
    .await;
}

async fn shown(server: &TestServer, id: &str) -> Value {
    server.get(&format!("/connections/{id}")).await.expect(200)
}

#[tokio::test]
async fn two_hundred_calls_at_once_with_an_ended_token_make_one_refresh_on_one_node() {
    let (provider, server) = given(Rotation::Strict).await;
    let (_, token) = import(&server, provider.expired("acme")).await;
    for answer in join_all((0..200).map(|_| call(&server, &token))).await {
        assert_right(answer, "acme");
    }
    assert_eq!(provider.refreshes(), ["refresh-acme-1"]);
}

#[tokio::test]
async fn two_hundred_calls_at_once_with_an_ended_token_make_one_refresh_on_three_nodes() {
    let provider = RotatingProvider::start(Rotation::Strict).await;
    let nodes = nodes(&provider).await;
    let (_, token) = import(&nodes[0], provider.expired("acme")).await;
    provider.hold();
    let calls = join_all((0..200).map(|number| call(&nodes[number % nodes.len()], &token)));
    let let_out = async {
        provider.holds_an_answer().await;
        provider.let_out();
    };
    let (answers, ()) = tokio::join!(calls, let_out);
    for answer in answers {
        assert_right(answer, "acme");
    }
    assert_eq!(provider.refreshes(), ["refresh-acme-1"]);
}

#[tokio::test]
async fn a_provider_that_ends_a_grant_on_reuse_never_sees_a_token_twice() {
    let provider = RotatingProvider::start(Rotation::Strict).await;
    let nodes = nodes(&provider).await;
    let (_, token) = import(&nodes[0], provider.expired("acme")).await;
    for _ in 0..10 {
        for answer in join_all((0..12).map(|number| call(&nodes[number % nodes.len()], &token))).await {
            assert_right(answer, "acme");
        }
        for node in &nodes {
            node.advance(Duration::from_mins(61));
        }
    }
    let expected: Vec<_> = (1..=10).map(|number| format!("refresh-acme-{number}")).collect();
    assert_eq!(provider.refreshes(), expected);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_however_many_were_refused() {
    let provider = RotatingProvider::start(Rotation::Strict).await;
    let nodes = nodes(&provider).await;
    let (_, token) = import(&nodes[0], provider.granted("acme", 3600)).await;
    // Nothing says that the token has ended, but the provider.
    provider.refuses_calls(true);
    provider.hold();
    let calls = join_all((0..50).map(|number| call(&nodes[number % nodes.len()], &token)));
    let let_out = async {
        provider.holds_an_answer().await;
        eventually("all to be refused", || async { (provider.calls() == 50).then_some(()) }).await;
        provider.let_out();
    };
    let (refused, ()) = tokio::join!(calls, let_out);
    assert!(refused.iter().all(|answer| answer.status == 200 && answer.body["status"] == 401));
    assert_eq!((provider.refreshes().len(), provider.calls()), (1, 100));
    provider.refuses_calls(false);
    assert_right(call(&nodes[0], &token).await, "acme");
}

#[tokio::test]
async fn a_provider_that_refuses_every_new_token_is_not_asked_for_more_and_more() {
    let (provider, server) = given(Rotation::Strict).await;
    let (_, token) = import(&server, provider.granted("acme", 3600)).await;
    provider.refuses_calls(true);
    for _ in 0..30 {
        assert_eq!(call(&server, &token).await.expect(200)["status"], 401);
    }
    let asked = provider.refreshes().len();
    assert!((2..=12).contains(&asked), "{asked}");
    server.advance(Duration::from_mins(6));
    provider.refuses_calls(false);
    assert_right(call(&server, &token).await, "acme");
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_keeps_the_one_there_is() {
    let (provider, server) = given(Rotation::None).await;
    let (_, token) = import(&server, provider.expired("acme")).await;
    assert_right(call(&server, &token).await, "acme");
    server.advance(Duration::from_mins(61));
    assert_right(call(&server, &token).await, "acme");
    assert_eq!(provider.refreshes(), ["refresh-acme-1", "refresh-acme-1"]);
}

#[tokio::test]
async fn a_refresh_keeps_count_of_the_scopes_that_are_left() {
    let (provider, server) = given(Rotation::Strict).await;
    let (id, token) = import(&server, provider.expired("acme")).await;
    assert_eq!(shown(&server, &id).await["missing_scopes"], json!([]));
    provider.grants_scope("read");
    assert_right(call(&server, &token).await, "acme");
    let shown = shown(&server, &id).await;
    assert_eq!((&shown["scopes"], &shown["missing_scopes"]), (&json!(["read"]), &json!(["write"])));
}

#[tokio::test]
async fn a_token_that_has_not_ended_yet_serves_while_there_is_no_newer_one() {
    let (provider, server) = given(Rotation::Strict).await;
    let (_, token) = import(&server, provider.granted("acme", 50)).await;
    provider.answers(Some(Instead::new(503, "")));
    for _ in 0..3 {
        assert_right(call(&server, &token).await, "acme");
    }
    assert_eq!(provider.refreshes().len(), 1, "it was tried, and the provider is given a pause");
}

#[tokio::test]
async fn after_a_failure_all_nodes_give_the_provider_a_pause_and_say_for_how_long() {
    let provider = RotatingProvider::start(Rotation::Strict).await;
    let nodes = nodes(&provider).await;
    let (_, token) = import(&nodes[0], provider.expired("acme")).await;
    provider.answers(Some(Instead::new(429, "{}").with("retry-after", "120")));
    for round in 0..3 {
        for node in &nodes {
            let answer = call(node, &token).await;
            answer.assert_problem(502, "refresh_failed");
            let wait: u64 = answer.header("retry-after").parse().expect("seconds");
            assert!((100..=120).contains(&wait), "{wait} in round {round}");
        }
    }
    assert_eq!(provider.refreshes().len(), 1);
    provider.answers(None);
    for node in &nodes {
        node.advance(Duration::from_secs(121));
    }
    assert_right(call(&nodes[nodes.len() - 1], &token).await, "acme");
}

#[tokio::test]
async fn pauses_grow_with_each_failure() {
    let (provider, server) = given(Rotation::Strict).await;
    let (_, token) = import(&server, provider.expired("acme")).await;
    provider.answers(Some(Instead::new(500, "{}")));
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let answer = call(&server, &token).await;
        answer.assert_problem(502, "refresh_failed");
        let pause: u64 = answer.header("retry-after").parse().expect("seconds");
        pauses.push(pause);
        server.advance(Duration::from_secs(pause));
    }
    assert!(pauses[0] <= 3 && pauses[5] >= 30, "{pauses:?}");
}

#[tokio::test]
async fn a_token_that_lives_for_seconds_or_not_at_all_is_refreshed_once_for_many() {
    for seconds in [0, 40] {
        let (provider, server) = given(Rotation::Strict).await;
        provider.gives_tokens_for(seconds);
        let (_, token) = import(&server, provider.expired("acme")).await;
        for answer in join_all((0..20).map(|_| call(&server, &token))).await {
            assert_right(answer, "acme");
        }
        assert_eq!(provider.refreshes().len(), 1, "tokens of {seconds} s");
    }
}

#[tokio::test]
async fn a_connection_keeps_the_client_that_made_it_and_no_other_spends_its_token() {
    let (provider, server) = given(Rotation::Strict).await;
    let (id, token) = import(&server, provider.expired("acme")).await;
    server.database().execute("UPDATE connections SET client_id = 'a-former-client'").await;
    call(&server, &token).await.assert_problem(502, "refresh_failed");
    assert_eq!((provider.refreshes().len(), &shown(&server, &id).await["status"]), (0, &json!("valid")));
}

#[tokio::test]
async fn what_nobody_uses_is_refreshed_within_a_week() {
    let (provider, server) = given(Rotation::Strict).await;
    let (id, _) = import(&server, provider.granted("acme", 3600)).await;
    server.advance(Duration::from_hours(24 * 6));
    import(&server, json!({})).await;
    assert!(provider.refreshes().is_empty(), "too early");
    for week in 1..=3 {
        server.advance(Duration::from_hours(24 * 7));
        eventually("the refresh", || async { (provider.refreshes().len() == week).then_some(()) }).await;
        is_recorded(&server).await;
    }
    eventually("the last refresh to be stored", || async {
        let at: jiff::Timestamp = text(&shown(&server, &id).await["expiration_timestamp"]).parse().ok()?;
        (at.as_millisecond() > server.app().clock.now().millis()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_long_lived_token_is_refreshed_before_it_ends() {
    let (provider, server) = given(Rotation::Strict).await;
    import(&server, provider.granted("acme", 4 * 86_400)).await;
    server.advance(Duration::from_hours(24 * 3 + 1));
    eventually("the refresh", || async { (provider.refreshes().len() == 1).then_some(()) }).await;
}

#[tokio::test]
async fn a_provider_in_trouble_is_not_stormed_by_what_is_due() {
    let (provider, server) = given(Rotation::Strict).await;
    for number in 0..40 {
        import(&server, provider.granted(&format!("acme-{number}"), 3600)).await;
    }
    provider.answers(Some(Instead::new(503, "")));
    server.advance(Duration::from_hours(24 * 7));
    eventually("the first tries", || async { (!provider.refreshes().is_empty()).then_some(()) }).await;
    let tried = provider.refreshes().len();
    assert!(tried <= 4, "{tried} at once");
    provider.answers(None);
    eventually("all to be refreshed", || async {
        server.advance(Duration::from_secs(65));
        let left = "SELECT COUNT(*) FROM connections WHERE refreshed_at IS NULL";
        (server.database().number(left).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refresh_is_made_when_it_is_asked_for() {
    let (provider, server) = given(Rotation::Strict).await;
    let (id, token) = import(&server, provider.granted("acme", 600)).await;
    let before = shown(&server, &id).await;
    let after = server.post_raw(&format!("/connections/{id}/refresh"), "").await.expect(200);
    assert_eq!((&after["id_connection"], &after["status"]), (&before["id_connection"], &json!("valid")));
    assert_ne!(after["expiration_timestamp"], before["expiration_timestamp"]);
    assert_right(call(&server, &token).await, "acme");
}

#[tokio::test]
async fn what_cannot_be_refreshed_says_so() {
    let (provider, server) = given(Rotation::Strict).await;
    let (id, _) = import(&server, json!({})).await;
    let refresh = format!("/connections/{id}/refresh");
    server.post_raw(&refresh, "").await.assert_problem(422, "not_refreshable");
    let other = server.another_project("other").await;
    for path in [&*refresh, &format!("/connections/{id}/verify")] {
        other.post_raw(path, "").await.assert_problem(404, "not_found");
    }
    server.delete(&format!("/connections/{id}")).await.expect(200);
    server.post_raw(&refresh, "").await.assert_problem(409, "connection_revoked");
    assert!(provider.refreshes().is_empty());
}

#[tokio::test]
async fn a_node_that_hangs_is_taken_over_from_and_keeps_what_the_other_has_stored() {
    let provider = RotatingProvider::start(Rotation::Forgiving).await;
    let hangs = provider.settings().await.start().await;
    if hangs.database().url().is_none() {
        return;
    }
    let clock = panora::clock::Clock::system();
    clock.advance(Duration::from_secs(61));
    let takes_over = provider.settings_beside(&hangs).start_at(clock).await;
    let (_, token) = import(&hangs, provider.expired("acme")).await;
    provider.hold();
    let other = async {
        provider.holds_an_answer().await;
        assert_right(call(&takes_over, &token).await, "acme");
        provider.let_out();
    };
    let (answer, ()) = tokio::join!(call(&hangs, &token), other);
    assert_right(answer, "acme");
    assert_eq!(provider.refreshes(), ["refresh-acme-1", "refresh-acme-1"]);
}

#[tokio::test]
async fn an_import_says_that_its_credentials_were_tried() {
    let (provider, server) = given(Rotation::Strict).await;
    let mut good = an_import("user-1", provider.granted("acme", 3600));
    good["verify"] = true.into();
    assert_eq!(server.post("/connections", &good).await.expect(201)["account"]["id"], "acme");
    provider.end("acme", true);
    server.post("/connections", &good).await.assert_problem(422, "wrong_credentials");
}
