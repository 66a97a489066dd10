//! Providers where what a person types is exchanged for a token: when they connect, and again when it ends.

use std::time::Duration;

use http::HeaderValue;
use panora_outbound::{Resolver, Settings as Outbound};
use serde_json::{Value, json};

use crate::support::{Browser, Database, Road, Settings, TestServer, Trouble, an_import, text};

const FILE: &str = r##"
slug: desk
name: Desk
verticals: [crm]
colour: "#123456"
docs: https://desk.example/docs
auth: two_step
credentials:
  - {name: user, label: User, secret: false}
  - {name: password, label: Password}
token:
  url: "{public_url}/desk/login"
  encoding: json
  parameters: {user: "{user}", password: "{password}"}
api:
  base_url: "{public_url}/desk/api"
  headers: {X-Session: "{access_token}"}
identity:
  request: {url: /me}
  id: ["{/id}"]
"##;

const LOGIN: &str = "/desk/login";
const ME: &str = "/desk/api/me";
const FIRST: Trouble = Trouble::Answer(200, &[], "{\"access_token\": \"s-1\", \"expires_in\": 3600}");
const SECOND: Trouble = Trouble::Answer(200, &[], "{\"access_token\": \"s-2\", \"expires_in\": 3600}");
const REFUSED: Trouble = Trouble::Answer(401, &[], "{}");

/// A server that knows the provider `desk`, which lives on the road.
async fn given(login: Trouble) -> (Road, TestServer) {
    let (database, road) = (Database::fresh().await, Road::start().await);
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    std::fs::write(folder.join("desk.yaml"), FILE).expect("the folder can be written");
    road.block(LOGIN, login);
    road.block(ME, Trouble::Answer(200, &[], "{\"id\": 7}"));
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let server = settings.database(database).behind(&road).start().await;
    (road, server)
}

fn typed() -> Value {
    json!({"provider_slug": "desk", "credentials": {"user": "ada", "password": "swordfish"}})
}

fn call() -> Value {
    json!({"method": "GET", "path": "/me"})
}

#[tokio::test]
async fn what_is_typed_becomes_a_token_that_calls_carry() {
    let (road, server) = given(FIRST).await;
    let link = server.magic_link_with("user-1", json!({"providers": ["desk"]})).await;
    let browser = Browser::new();
    let page = browser.open(text(&link["url"])).await;
    let form = page.form().with("user", "ada").with("password", "swordfish");
    browser.submit(&form).await.assert_says(200, "Desk is connected");
    let sent: Value = serde_json::from_slice(&road.passed(LOGIN)[0].body).expect("it is JSON");
    assert_eq!(sent, json!({"user": "ada", "password": "swordfish"}));
    assert_eq!(road.passed(ME)[0].headers["x-session"], "s-1");
}

#[tokio::test]
async fn a_login_that_the_provider_refuses_connects_nothing() {
    let (road, server) = given(REFUSED).await;
    let answer = server.post("/connections", &an_import("user-1", typed())).await;
    answer.assert_problem(422, "wrong_credentials");
    assert_eq!((road.arrived(ME), server.count("/connections").await), (0, 0));
}

#[tokio::test]
async fn the_login_is_repeated_when_the_token_ends() {
    let (road, server) = given(FIRST).await;
    let token = text(&server.import("user-1", typed()).await["connection_token"]);
    server.passthrough(&token, &call()).await.expect(200);
    road.block(LOGIN, SECOND);
    server.advance(Duration::from_hours(2));
    server.passthrough(&token, &call()).await.expect(200);
    let passed = road.passed(ME);
    let carried: Vec<_> =
        passed.iter().map(|it| it.headers["x-session"].to_str().unwrap_or_default()).collect();
    assert_eq!((carried, road.arrived(LOGIN)), (vec!["s-1", "s-2"], 2));
}

#[tokio::test]
async fn a_password_that_is_good_no_more_asks_the_person_again() {
    let (road, server) = given(FIRST).await;
    let connection = server.import("user-1", typed()).await;
    road.block(LOGIN, REFUSED);
    server.advance(Duration::from_hours(2));
    let answer = server.passthrough(&text(&connection["connection_token"]), &call()).await;
    answer.assert_problem(409, "needs_reauth");
    let path = format!("/connections/{}", text(&connection["id_connection"]));
    assert_eq!(server.get(&path).await.expect(200)["status"], "needs_reauth");
}

#[tokio::test]
async fn a_login_at_a_host_that_no_name_server_knows_is_a_wrong_address() {
    let database = Database::fresh().await;
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    let hosted = FILE.replace("{public_url}/desk/login", "https://{subdomain}.desk.example/login").replace(
        "credentials:",
        "variables:\n  - {name: subdomain, label: Address, pattern: \"[a-z]+\"}\ncredentials:",
    );
    std::fs::write(folder.join("desk.yaml"), hosted).expect("the folder can be written");
    let nowhere = Outbound {
        resolver: Resolver::given(|_| Vec::new()),
        ..Outbound::new(HeaderValue::from_static("t"))
    };
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let server = settings.database(database).outbound(nowhere).start().await;
    let mut typed = typed();
    typed["credentials"]["subdomain"] = json!("nobody");
    server.post("/connections", &an_import("user-1", typed)).await.assert_problem(422, "wrong_tenant");
    server.assert_nothing_stored().await;
}
