//! Renewing one connection with another account: refused, told, given back, and the person may add it instead.

use serde_json::{Value, json};

use crate::support::{Browser, Page, Receiver, Road, TestServer, eventually, sent, text};

async fn given() -> (Road, TestServer, Receiver) {
    let road = Road::start().await;
    let (server, receiver) = (TestServer::behind(&road).await, Receiver::start().await);
    server.endpoint(&receiver, &["connection.failed"]).await;
    (road, server, receiver)
}

/// A person opens a link that renews this connection, and signs in with that account.
async fn renew(server: &TestServer, browser: &Browser, id: &Value, account: &str) -> Page {
    let link = server.magic_link_with("user-1", json!({"id_connection": id})).await;
    browser.connect_as(&text(&link["url"]), account).await
}

#[tokio::test]
async fn renewing_onto_an_account_that_another_connection_has_is_refused_and_told() {
    let (_road, server, receiver) = given().await;
    let holder = server.connect("user-1").await;
    let nameless = server.import("user-1", json!({})).await;
    let before = server.connections_of("user-1").await;
    let page = renew(&server, &Browser::new(), &nameless["id_connection"], "acme").await;
    page.assert_says(409, "That is a different account");
    assert_eq!(receiver.next().await.data()["code"], "other_account");
    assert_eq!(server.connections_of("user-1").await, before);
    let call = json!({"method": "GET", "path": "/me"});
    assert_eq!(server.passthrough(&holder.token, &call).await.expect(200)["status"], 200);
}

#[tokio::test]
async fn a_grant_of_another_account_is_given_back() {
    let (road, server, receiver) = given().await;
    let connected = server.connect("user-1").await;
    let page = renew(&server, &Browser::new(), &json!(connected.id), "globex").await;
    page.assert_says(409, "That is a different account");
    assert_eq!(receiver.next().await.data()["code"], "other_account");
    let refused = road.passed("/sandbox/oauth/token").pop().expect("the second exchange");
    let refused: Value = serde_json::from_slice(&refused.answer).expect("JSON");
    eventually("the refused grant to be dead", || async {
        let request = server.keyless(reqwest::Method::GET, "/sandbox/api/me");
        let status = sent(request.bearer_auth(text(&refused["access_token"]))).await.status;
        (status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_account_that_was_refused_as_a_renewal_may_be_added_as_a_new_connection() {
    let (_road, server, _receiver) = given().await;
    let connected = server.connect("user-1").await;
    let browser = Browser::new();
    let refused = renew(&server, &browser, &json!(connected.id), "globex").await;
    let consent = browser.on_to_consent(&refused).await;
    let done = browser.submit(&consent.form().with("account", "globex").allow()).await;
    done.assert_says(200, "Sandbox is connected");
    let accounts: Vec<_> =
        server.connections_of("user-1").await.iter().map(|it| text(&it["account"]["id"])).collect();
    assert_eq!(accounts, ["globex", "acme"]);
}

#[tokio::test]
async fn the_account_to_renew_may_still_be_chosen_after_another_was_refused() {
    let (_road, server, _receiver) = given().await;
    let connected = server.connect("user-1").await;
    let browser = Browser::new();
    let link = text(&server.magic_link_with("user-1", json!({"id_connection": connected.id})).await["url"]);
    browser.connect_as(&link, "globex").await.assert_says(409, "That is a different account");
    browser.connect_as(&link, "acme").await.assert_says(200, "Sandbox is connected again");
    assert_eq!(server.count("/connections").await, 1);
}
