//! Connections: imported, listed, changed, revoked.

use serde_json::{Value, json};

use crate::support::{Receiver, Road, TestServer, Trouble, an_import, eventually, sent, text};

#[tokio::test]
async fn an_import_makes_a_connection_and_its_event() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    let connection = server.import("user-1", json!({"metadata": {"plan": "pro"}})).await;
    let event = receiver.next().await;
    for field in
        ["id_connection", "connection_token", "metadata", "id_linked_user", "provider_slug", "account"]
    {
        assert_eq!(event.data()[field], connection[field], "{field}");
    }
    assert_eq!(connection["account"], json!({"id": null, "name": null, "email": null}));
}

#[tokio::test]
async fn an_import_tells_its_expiry_by_span_or_by_moment() {
    let server = TestServer::start().await;
    let at = "2031-01-31T09:30:00.000Z";
    let credentials = json!({"credentials": {"access_token": "a", "expires_at": at}});
    assert_eq!(server.import("user-1", credentials).await["expiration_timestamp"], at);
    let before = server.app().clock.now();
    let by_span =
        server.import("user-2", json!({"credentials": {"access_token": "a", "expires_in": 60}})).await;
    let expires: panora::model::Time = text(&by_span["expiration_timestamp"]).parse().expect("a time");
    assert!((60_000..90_000).contains(&expires.millis_since(before)), "{expires}");
    let never = server.import("user-3", json!({"credentials": {"access_token": "a"}})).await;
    assert_eq!(never["expiration_timestamp"], Value::Null);
}

#[tokio::test]
async fn an_import_that_cannot_be_is_refused_and_stores_nothing() {
    let server = TestServer::start().await;
    for (body, pointer) in [
        (json!({"provider_slug": null}), "/provider_slug"),
        (json!({"credentials": null}), "/credentials"),
        (json!({"credentials": {}}), "/credentials/access_token"),
        (json!({"credentials": {"access_token": ""}}), "/credentials/access_token"),
        (json!({"credentials": {"access_token": "a", "api_key": "b"}}), "/credentials/api_key"),
        (json!({"credentials": {"access_token": "a", "expires_at": "tomorrow"}}), "/credentials/expires_at"),
        (json!({"credentials": {"access_token": "a".repeat(16 * 1024 + 1)}}), "/credentials/access_token"),
    ] {
        let answer = server.post("/connections", &an_import("user-1", body.clone())).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert!(
            answer.text.contains(pointer.rsplit('/').next().unwrap_or_default()),
            "{body}: {}",
            answer.text
        );
    }
    let unknown = an_import("user-1", json!({"provider_slug": "nosuch"}));
    server.post("/connections", &unknown).await.assert_problem(422, "unknown_provider");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn an_import_says_what_a_flow_would_have_learnt_from_the_provider() {
    let server = TestServer::start().await;
    let import = |instance: Value| {
        let credentials = json!({"access_token": "a", "instance": instance});
        an_import("user-1", json!({"provider_slug": "salesforce", "credentials": credentials}))
    };
    for wrong in
        [json!(null), json!(""), json!("evil.example"), json!("evil.example#.salesforce.com"), json!(7)]
    {
        let answer = server.post("/connections", &import(wrong.clone())).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text);
        assert!(answer.text.contains("/credentials/instance"), "{wrong}: {}", answer.text);
    }
    server.assert_nothing_stored().await;
    let answer = server.post("/connections", &import(json!("https://acme.my.salesforce.com/"))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.body["account_url"], "https://acme.my.salesforce.com");
}

#[tokio::test]
async fn an_import_that_the_provider_refuses_on_trial_stores_nothing() {
    let server = TestServer::start().await;
    let answer = server.post("/connections", &an_import("user-1", json!({"verify": true}))).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn an_import_tried_at_the_provider_knows_whose_account_it_is() {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    server.connect_as("user-1", "globex").await;
    let body = json!({"credentials": {"access_token": access_token(&road)}, "verify": true});
    let connection = server.import("user-2", body).await;
    assert_eq!(connection["account"]["email"], "grace@globex.test");
}

/// The newest access token that the sandbox has given.
fn access_token(road: &Road) -> String {
    let exchange = road.passed("/sandbox/oauth/token").pop().expect("tokens were given");
    text(&serde_json::from_slice::<Value>(&exchange.answer).expect("JSON")["access_token"])
}

#[tokio::test]
async fn a_list_shows_the_token_and_redacts_the_provider_s_credentials() {
    let server = TestServer::start().await;
    let connected = server.connect("user-1").await;
    let list = server.get("/connections").await;
    let connection = &list.body[0];
    assert_eq!(connection["connection_token"], connected.token.as_str());
    assert_eq!(
        (&connection["access_token"], &connection["refresh_token"]),
        (&json!("[redacted]"), &json!("[redacted]"))
    );
    assert!(!list.text.contains("sbx_"), "{}", list.text);
}

#[tokio::test]
async fn one_connection_is_the_object_of_its_event() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.created"]).await;
    let connected = server.connect("user-1").await;
    let mut shown = server.get(&format!("/connections/{}", connected.id)).await.expect(200);
    for redacted in ["access_token", "refresh_token"] {
        shown.as_object_mut().expect("an object").remove(redacted);
    }
    assert_eq!(&shown, receiver.next().await.data());
}

#[tokio::test]
async fn lists_filter_by_person_provider_status_and_metadata() {
    let server = TestServer::start().await;
    let ada = server.import("ada", json!({"metadata": {"plan": "pro", "region": "eu"}})).await;
    let grace = server.import("grace", json!({"metadata": {"plan": "free", "region": "eu"}})).await;
    server.delete(&format!("/connections/{}", text(&grace["id_connection"]))).await.expect(200);
    for (query, expected) in [
        ("", 2),
        ("?provider_slug=sandbox", 2),
        ("?provider_slug=hubspot", 0),
        ("?vertical=crm", 2),
        ("?linked_user_origin_id=ada", 1),
        ("?linked_user_origin_id=nobody", 0),
        ("?status=valid", 1),
        ("?status=revoked", 1),
        ("?metadata.plan=pro", 1),
        ("?metadata.region=eu", 2),
        ("?metadata.region=eu&metadata.plan=free", 1),
        ("?metadata.plan=gold", 0),
        ("?metadata.nothing=pro", 0),
    ] {
        assert_eq!(server.count(&format!("/connections{query}")).await, expected, "{query}");
    }
    let by_id = format!("/connections?id_linked_user={}", text(&ada["id_linked_user"]));
    assert_eq!(server.get(&by_id).await.expect(200)[0]["id_connection"], ada["id_connection"]);
}

#[tokio::test]
async fn a_status_that_does_not_exist_is_refused() {
    let server = TestServer::start().await;
    server.get("/connections?status=sleepy").await.assert_refused_at("?status");
}

#[tokio::test]
async fn metadata_is_replaced_whole() {
    let server = TestServer::start().await;
    let connection = server.import("user-1", json!({"metadata": {"plan": "free", "seats": 3}})).await;
    let path = format!("/connections/{}", text(&connection["id_connection"]));
    let changed = server.patch(&path, &json!({"metadata": {"plan": "pro"}})).await.expect(200);
    assert_eq!(changed["metadata"], json!({"plan": "pro"}));
    assert_eq!(server.count("/connections?metadata.plan=pro").await, 1);
    assert_eq!(server.count("/connections?metadata.plan=free").await, 0);
    server.patch(&path, &json!({"status": "valid"})).await.assert_refused_at("/status");
    let large = json!({"metadata": {"a": "x".repeat(16 * 1024)}});
    server.patch(&path, &large).await.assert_refused_at("/metadata");
    assert_eq!(server.get(&path).await.expect(200)["metadata"], json!({"plan": "pro"}));
}

#[tokio::test]
async fn a_deleted_connection_is_revoked_here_and_at_the_provider() {
    let road = Road::start().await;
    let (server, receiver) = (TestServer::behind(&road).await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.revoked"]).await;
    let connected = server.connect("user-1").await;
    let access = access_token(&road);
    let path = format!("/connections/{}", connected.id);
    assert_eq!(server.delete(&path).await.expect(200)["status"], "revoked");
    let event = receiver.next().await;
    assert_eq!(event.data()["id_connection"], connected.id.as_str());
    assert_eq!(server.get(&path).await.expect(200)["status"], "revoked");
    eventually("the sandbox to refuse the old token", || async {
        let request = server.keyless(reqwest::Method::GET, "/sandbox/api/me").bearer_auth(&access);
        (sent(request).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_revocation_that_the_provider_misses_is_tried_again() {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    let connected = server.connect("user-1").await;
    let revoke = "/sandbox/oauth/revoke";
    road.block(revoke, Trouble::Answer(503, &[], ""));
    server.delete(&format!("/connections/{}", connected.id)).await.expect(200);
    road.wait_for(revoke, 1).await;
    road.open(revoke);
    eventually("the second try", || async {
        server.advance(std::time::Duration::from_secs(1));
        (road.arrived(revoke) > 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_grant_that_another_connection_lives_on_is_not_revoked_at_the_provider() {
    let road = Road::start().await;
    let server = TestServer::behind(&road).await;
    let (first, second) = (server.connect("user-1").await, server.connect("user-2").await);
    server.delete(&format!("/connections/{}", first.id)).await.expect(200);
    let call = json!({"method": "GET", "path": "/me"});
    server.passthrough(&second.token, &call).await.expect(200);
    server.delete(&format!("/connections/{}", second.id)).await.expect(200);
    road.wait_for("/sandbox/oauth/revoke", 1).await;
}

#[tokio::test]
async fn deleting_again_changes_nothing_and_tells_nothing() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.revoked"]).await;
    let connection = server.import("user-1", json!({})).await;
    let path = format!("/connections/{}", text(&connection["id_connection"]));
    server.delete(&path).await.expect(200);
    server.delete(&path).await;
    let other = server.import("user-2", json!({})).await;
    server.delete(&format!("/connections/{}", text(&other["id_connection"]))).await.expect(200);
    let arrived = receiver.wait_for(2).await;
    let ids: Vec<_> = arrived.iter().map(|it| it.data()["id_connection"].clone()).collect();
    assert!(ids.contains(&connection["id_connection"]) && ids.contains(&other["id_connection"]), "{ids:?}");
}

#[tokio::test]
async fn a_revoked_connection_s_token_is_refused() {
    let server = TestServer::start().await;
    let connected = server.connect("user-1").await;
    server.delete(&format!("/connections/{}", connected.id)).await.expect(200);
    let answer = server.passthrough(&connected.token, &json!({"method": "GET", "path": "/me"})).await;
    assert!(answer.status >= 400, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn another_project_s_connection_is_not_there() {
    let server = TestServer::start().await;
    let other = server.another_project("other").await;
    let connected = server.connect("user-1").await;
    let path = format!("/connections/{}", connected.id);
    other.get(&path).await.assert_problem(404, "not_found");
    other.patch(&path, &json!({"metadata": {}})).await.assert_problem(404, "not_found");
    other.delete(&path).await.assert_problem(404, "not_found");
    assert_eq!(other.count("/connections").await, 0);
    let answer = other.passthrough(&connected.token, &json!({"method": "GET", "path": "/me"})).await;
    assert!(answer.status >= 400, "{}", answer.text);
    assert_eq!(server.get(&path).await.expect(200)["status"], "valid");
}
