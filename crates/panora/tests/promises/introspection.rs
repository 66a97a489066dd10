//! Providers that say when a token ends only if they are asked (RFC 7662).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Database, Road, Settings, TestServer, Trouble, eventually, text};

const INTROSPECT: &str = "/introspect";
const TOKEN: &str = "/sandbox/oauth/token";

/// The sandbox, of whose answers nobody reads when its tokens end.
async fn given(says: Trouble) -> (Road, TestServer) {
    let (database, road) = (Database::fresh().await, Road::start().await);
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    let silent = "/sandbox/oauth/token\"\n  answers: [{access_token: /access_token, expires: never}]\n  \
        introspection: {request: {url: \"{public_url}/introspect\", client_auth: body, \
        parameters: {token: \"{access_token}\"}}}";
    let file = include_str!("../../../../catalog/sandbox.yaml").replace("/sandbox/oauth/token\"", silent);
    std::fs::write(folder.join("sandbox.yaml"), file).expect("the folder can be written");
    road.block(INTROSPECT, says);
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let server = settings.database(database).behind(&road).start().await;
    (road, server)
}

/// An answer that the token ends so long from now, and that time as connections show it.
fn ends_in(hours: i64) -> (Trouble, String) {
    let at = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + hours * 3600);
    let at = at.expect("a time");
    let body = json!({"active": true, "exp": at.as_second(), "client_id": "sandbox"}).to_string();
    (
        Trouble::Answer(200, &[], Box::leak(body.into_boxed_str())),
        at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
    )
}

async fn expiry(server: &TestServer) -> Value {
    server.connection_of("user-1").await["expiration_timestamp"].clone()
}

#[tokio::test]
async fn the_end_of_a_token_is_asked_for_and_the_token_refreshed_before_it() {
    let (says, shown) = ends_in(2);
    let (road, server) = given(says).await;
    let connected = server.connect("user-1").await;
    assert_eq!(expiry(&server).await, shown.as_str());
    let first: Value = serde_json::from_slice(&road.passed(TOKEN)[0].answer).expect("it is JSON");
    let asked = String::from_utf8_lossy(&road.passed(INTROSPECT)[0].body).into_owned();
    assert_eq!(asked, format!("token={}&client_id=sandbox", text(&first["access_token"])));

    let (says, later) = ends_in(5);
    road.block(INTROSPECT, says);
    server.advance(Duration::from_mins(119) + Duration::from_secs(30));
    server.passthrough(&connected.token, &json!({"method": "GET", "path": "/me"})).await.expect(200);
    assert_eq!((road.arrived(TOKEN), road.arrived(INTROSPECT)), (2, 2));
    assert_eq!(expiry(&server).await, later.as_str());
}

#[tokio::test]
async fn nothing_depends_on_the_answer() {
    let silent = [
        Trouble::Answer(500, &[], "{}"),
        Trouble::Answer(200, &[], "{\"active\": false, \"exp\": 1}"),
        Trouble::Answer(200, &[], "{\"active\": true}"),
        Trouble::Garbage,
    ];
    for says in silent {
        let (road, server) = given(says).await;
        let connected = server.connect("user-1").await;
        assert_eq!((expiry(&server).await, road.arrived(INTROSPECT)), (Value::Null, 1));
        let call = json!({"method": "GET", "path": "/me"});
        assert_eq!(server.passthrough(&connected.token, &call).await.expect(200)["status"], 200);
    }
}

#[tokio::test]
async fn a_token_whose_end_was_asked_for_is_refreshed_in_time_though_nobody_calls() {
    let (road, server) = given(ends_in(30).0).await;
    server.connect("user-1").await;
    for (hours, ends, tokens) in [(23, 72, 2), (38, 200, 3)] {
        let (says, shown) = ends_in(ends);
        road.block(INTROSPECT, says);
        server.advance(Duration::from_hours(hours));
        eventually("the refresh and its end", || async {
            (expiry(&server).await == shown.as_str()).then_some(())
        })
        .await;
        assert_eq!(road.arrived(TOKEN), tokens);
    }
}
