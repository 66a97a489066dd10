//! Providers that give the token that counts only in exchange for the first one.

use serde_json::json;

use crate::support::{Browser, Database, Road, Settings, TestServer, Trouble};

const SWAP: &str = "/swap";
const ME: &str = "/swapped/api/me";
const LONGER: Trouble = Trouble::Answer(200, &[], "{\"access_token\": \"longer\", \"expires_in\": 5184000}");
const REFUSED: Trouble = Trouble::Answer(400, &[], "{\"error\": \"invalid_request\"}");

/// The sandbox with a second exchange, and an API that wants to know the client.
fn file() -> String {
    let file = include_str!("../../../../catalog/sandbox.yaml");
    let then =
        "/sandbox/oauth/token\"\n  then: {url: \"{public_url}/swap\", parameters: {old: \"{access_token}\"}}";
    let api = "/swapped/api\"\n  headers: {X-Client: \"{client_id}\"}";
    file.replace("/sandbox/oauth/token\"", then).replace("/sandbox/api\"", api)
}

async fn given(swap: Trouble) -> (Road, TestServer) {
    let (database, road) = (Database::fresh().await, Road::start().await);
    let folder = database.folder.join("providers");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    std::fs::write(folder.join("sandbox.yaml"), file()).expect("the folder can be written");
    road.block(SWAP, swap);
    road.block(ME, Trouble::Answer(200, &[], "{\"id\": \"a\", \"account\": {\"id\": \"a\"}}"));
    let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
    let server = settings.database(database).behind(&road).start().await;
    (road, server)
}

#[tokio::test]
async fn the_token_of_the_second_exchange_is_the_one_that_calls_carry_beside_the_client() {
    let (road, server) = given(LONGER).await;
    let connected = server.connect("user-1").await;
    let first = road.passed("/sandbox/oauth/token")[0].answer.clone();
    let first: serde_json::Value = serde_json::from_slice(&first).expect("it is JSON");
    let swapped = String::from_utf8_lossy(&road.passed(SWAP)[0].body).into_owned();
    assert_eq!(
        Some(swapped.as_str()),
        first["access_token"].as_str().map(|it| format!("old={it}")).as_deref()
    );
    server.passthrough(&connected.token, &json!({"method": "GET", "path": "/me"})).await.expect(200);
    for call in road.passed(ME) {
        assert_eq!(
            (&call.headers["authorization"], &call.headers["x-client"]),
            (&"Bearer longer".parse().expect("a value"), &"sandbox".parse().expect("a value"))
        );
    }
}

#[tokio::test]
async fn without_a_second_token_there_is_no_connection_and_the_first_is_given_back() {
    let (road, server) = given(REFUSED).await;
    let link = server.link("user-1").await;
    let page = Browser::new().connect_as(&link, "acme").await;
    assert!(!page.url.path().ends_with("/done"), "{}", page.text());
    assert_eq!((road.arrived(ME), server.count("/connections").await), (0, 0));
    road.wait_for("/sandbox/oauth/revoke", 1).await;
}
