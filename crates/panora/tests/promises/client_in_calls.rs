//! Providers whose calls prove the OAuth client beside the token.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::support::{ACME_FILE, Acme, Browser, Settings, text};

#[tokio::test]
async fn calls_carry_the_client_with_its_secret_of_now() {
    let mut acme = Acme::start().await;
    acme.register("one", "secret-of-one");
    let header = "X-App: \"base64({client_id}:{client_secret})\", Authorization:";
    acme.write("acme.yaml", &ACME_FILE.replace("Authorization:", header));
    let server = acme.server_with(Settings::default()).await;
    let app = |secret: &str| json!({"client_id": "one", "client_secret": secret, "settings": {"developer_token": "dev-1"}});
    server.put("/providers/acme/app", &app("secret-of-one")).await.expect(200);
    let link = server.magic_link_with("user-1", json!({"providers": ["acme"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    browser.open(page.link_with("/authorize")).await.assert_says(200, "Acme is connected");
    let connection = server.connection_of("user-1").await;
    assert!(!connection.to_string().contains("secret-of"), "{connection}");

    server.put("/providers/acme/app", &app("newer-secret")).await.expect(200);
    let call = json!({"method": "GET", "path": "/me"});
    let token = text(&connection["connection_token"]);
    assert_eq!(server.passthrough(&token, &call).await.expect(200)["status"], 200);
    let sent: Vec<_> =
        acme.road.passed("/acme/api/me").into_iter().map(|it| it.headers["x-app"].clone()).collect();
    assert_eq!(sent, ["one:secret-of-one", "one:newer-secret"].map(|text| BASE64_STANDARD.encode(text)));
}
