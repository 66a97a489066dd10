//! Token endpoints as providers have them: each quirk that a file can say, played by the sandbox from consent to revocation.

use serde_json::{Value, json};

use crate::support::{Quirky, Says};

/// Seconds until the connection's token ends.
fn lasts(quirky: &Quirky, connection: &Value) -> Option<i64> {
    let end = connection["expiration_timestamp"].as_str()?.parse::<jiff::Timestamp>().expect("a time");
    Some((end.as_millisecond() - quirky.server.app().clock.now().millis()) / 1000)
}

#[tokio::test]
async fn a_client_proves_itself_as_the_file_says_when_it_connects_and_when_it_refreshes() {
    for (plays, token) in
        [("", ""), ("basic", "  client_auth: basic"), ("secret_as_user", "  client_auth: secret_as_user")]
    {
        let quirky = Quirky::new(Says { plays, token, has_secret: true, ..Says::default() }).await;
        let connection = quirky.connected().await;
        quirky.lasts(&connection).await;
    }
}

#[tokio::test]
async fn a_client_that_proves_itself_in_another_way_connects_nothing_and_the_page_blames_the_set_up() {
    for (plays, token) in
        [("basic", ""), ("", "  client_auth: basic"), ("secret_as_user", "  client_auth: basic")]
    {
        let quirky = Quirky::new(Says { plays, token, has_secret: true, ..Says::default() }).await;
        let page = quirky.refused().await;
        assert!(page.url.path().ends_with("/set_up_wrongly"), "{plays}: {}", page.url);
    }
}

#[tokio::test]
async fn token_requests_are_json_where_the_file_says_so_and_only_there() {
    let says = Says { plays: "json", token: "  encoding: json", ..Says::default() };
    let quirky = Quirky::new(says).await;
    let connection = quirky.connected().await;
    quirky.lasts(&connection).await;
    Quirky::new(Says { token: "", ..says }).await.refused().await;
}

#[tokio::test]
async fn a_code_of_another_name_is_found_in_the_callback_and_sent_under_that_name() {
    let says = Says {
        plays: "auth_code",
        authorization: "  code_parameter: auth_code",
        token: "  names: {code: auth_code}",
        ..Says::default()
    };
    let quirky = Quirky::new(says).await;
    let connection = quirky.connected().await;
    quirky.lasts(&connection).await;
}

#[tokio::test]
async fn the_end_of_a_token_is_read_in_every_spelling() {
    let hour = Some(3600);
    for (plays, expires, expected) in [
        ("", "in: /expires_in", hour),
        ("expires_at_seconds", "at_seconds: /expires_at", hour),
        ("expires_at_milliseconds", "at_milliseconds: /expires_at", hour),
        ("expires_at_text", "at_text: /expires_at", hour),
        ("expires_jwt", "jwt: exp", hour),
        ("expires_unsaid", "lifetime: 600", Some(600)),
        ("expires_unsaid", "in: /expires_in", None),
    ] {
        let token = format!("  answers: [{{access_token: /access_token, expires: {{{expires}}}}}]");
        let quirky = Quirky::new(Says { plays, token: &token, ..Says::default() }).await;
        let connection = quirky.connected().await;
        let lasts = lasts(&quirky, &connection);
        let near = lasts.zip(expected).map_or(lasts == expected, |(it, should)| (it - should).abs() < 60);
        assert!(near, "{plays}: {lasts:?} instead of {expected:?}");
        quirky.lasts(&connection).await;
    }
}

#[tokio::test]
async fn a_token_that_the_file_calls_endless_ends_for_nobody_whatever_the_answer_says() {
    let token = "  answers: [{access_token: /access_token, expires: never}]";
    let quirky = Quirky::new(Says { token, ..Says::default() }).await;
    assert_eq!(quirky.connected().await["expiration_timestamp"], Value::Null);
}

#[tokio::test]
async fn tokens_and_scopes_are_found_where_they_are_nested() {
    let answer = "access_token: /data/access_token, refresh_token: /data/refresh_token, \
                  expires: {in: /data/expires_in}, scope: /data/scope";
    let token = format!("  answers: [{{{answer}}}]");
    let quirky = Quirky::new(Says { plays: "nested", token: &token, ..Says::default() }).await;
    let connection = quirky.connected().await;
    assert_eq!(connection["scopes"], json!(["contacts.read", "contacts.write", "profile"]));
    quirky.lasts(&connection).await;
}

#[tokio::test]
async fn what_a_person_leaves_out_is_missing_where_the_answer_lists_scopes() {
    let answer = "access_token: /data/access_token, scope: /data/scope";
    let token = format!("  answers: [{{{answer}}}]");
    let quirky = Quirky::new(Says { plays: "nested", token: &token, ..Says::default() }).await;
    quirky.agreed(|form| form.without("scope").and("scope", "contacts.read").and("scope", "profile")).await;
    let connection = quirky.server.connection_of("user-1").await;
    assert_eq!(connection["missing_scopes"], json!(["contacts.write"]));
}

#[tokio::test]
async fn a_refresh_that_tells_no_refresh_token_leaves_the_old_one_good() {
    let quirky = Quirky::new(Says { plays: "keeps_refresh_token", ..Says::default() }).await;
    let connection = quirky.connected().await;
    quirky.lasts(&connection).await;
    let bodies: Vec<_> =
        quirky.road.passed("/sandbox/oauth/token").into_iter().skip(1).map(|it| it.body).collect();
    assert!(bodies.len() == 2 && bodies[0] == bodies[1], "the same token refreshes twice: {bodies:?}");
}

#[tokio::test]
async fn without_a_refresh_token_the_person_is_needed_when_the_access_token_ends() {
    let quirky = Quirky::new(Says { plays: "no_refresh_token", ..Says::default() }).await;
    let connection = quirky.connected().await;
    quirky.call(&connection).await.expect(200);
    quirky.server.advance(std::time::Duration::from_hours(2));
    quirky.is_lost(&connection).await;
}

#[tokio::test]
async fn a_refusal_with_status_200_is_a_refusal() {
    let quirky = Quirky::new(Says { plays: "refuses_with_200", ..Says::default() }).await;
    let page = quirky.agreed(|form| form.and("trouble", "expired_code")).await;
    assert!(page.url.path().ends_with("/provider_error"), "{}", page.url);
    assert_eq!(quirky.server.count("/connections").await, 0);
}

#[tokio::test]
async fn a_grant_whose_loss_is_told_with_status_200_is_lost() {
    let quirky = Quirky::new(Says { plays: "refuses_with_200", ..Says::default() }).await;
    let connection = quirky.connected().await;
    let revocation = format!("token={}", quirky.last_access_token());
    let request = quirky.server.keyless(reqwest::Method::POST, "/sandbox/oauth/revoke").body(revocation);
    crate::support::sent(request).await.expect(200);
    quirky.is_lost(&connection).await;
}
