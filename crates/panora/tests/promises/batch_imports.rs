//! Many imports at once: each has its outcome, and what is wrong with one concerns no other.

use serde_json::{Value, json};

use crate::support::{Receiver, RotatingProvider, Rotation, TestServer, an_import, text};

const PATH: &str = "/connections/batch";

/// 500 imports of five kinds in turn: good, of an unknown provider, with a wrong field, with a refused credential, good
/// for a person known by our id.
fn mixed(provider: &RotatingProvider, known: &str) -> Vec<Value> {
    let import = |number: usize| match number % 5 {
        0 => an_import(&format!("user-{number}"), json!({"metadata": {"number": number}})),
        1 => an_import(&format!("user-{number}"), json!({"provider_slug": "nobody"})),
        2 => an_import(&format!("user-{number}"), json!({"credentials": {"access_token": 7}})),
        3 => {
            let mut dead =
                an_import(&format!("user-{number}"), provider.granted(&format!("dead-{number}"), 3600));
            dead["verify"] = true.into();
            provider.end(&format!("dead-{number}"), true);
            dead
        }
        _ => {
            let mut import = an_import("", provider.granted(&format!("live-{number}"), 3600));
            import["linked_user_origin_id"].take();
            import.as_object_mut().expect("an object").remove("linked_user_origin_id");
            import["id_linked_user"] = known.into();
            import
        }
    };
    (0..500).map(import).collect()
}

async fn given() -> (RotatingProvider, TestServer) {
    let provider = RotatingProvider::start(Rotation::Strict).await;
    let server = provider.settings().await.start().await;
    (provider, server)
}

#[tokio::test]
async fn five_hundred_imports_have_an_outcome_each() {
    let (provider, server) = given().await;
    let receiver = Receiver::start().await;
    server.endpoint(&receiver, &["connection.*"]).await;
    let known = text(&server.import("known", json!({})).await["id_linked_user"]);
    let batch = json!({"connections": mixed(&provider, &known)});
    let answer = server.post_once(PATH, "batch-1", &batch).await.expect(201);
    let outcomes = answer["data"].as_array().expect("a list");
    assert_eq!(outcomes.len(), 500);
    for (number, outcome) in outcomes.iter().enumerate() {
        let told = (&outcome["status"], &outcome["error"]["code"], &outcome["error"]["errors"][0]["pointer"]);
        match number % 5 {
            0 => assert_eq!(outcome["connection"]["metadata"]["number"], number),
            1 => assert_eq!(told, (&json!(422), &json!("unknown_provider"), &json!("/provider_slug"))),
            2 => assert_eq!(
                told,
                (&json!(400), &json!("invalid_request"), &json!("/credentials/access_token"))
            ),
            3 => assert_eq!(told, (&json!(422), &json!("wrong_credentials"), &json!("/credentials"))),
            _ => assert_eq!(outcome["connection"]["id_linked_user"], known.as_str()),
        }
        assert_eq!(outcome["status"] == 201, number % 5 == 0 || number % 5 == 4, "{outcome}");
        assert_ne!(outcome["connection"].is_null(), outcome["error"].is_null());
    }
    // As many events as connections, the one of the person included.
    receiver.wait_for(201).await;
    assert_eq!(server.all("/connections?limit=200").await.len(), 201);
    let again = server.post_once(PATH, "batch-1", &batch).await.expect(201);
    assert_eq!(again, answer, "the same key gives the same answer");
    assert_eq!(server.all("/connections?limit=200").await.len(), 201);
}

#[tokio::test]
async fn an_account_named_twice_in_a_batch_is_made_and_then_renewed() {
    let (provider, server) = given().await;
    let mut import = an_import("user-1", provider.granted("acme", 3600));
    import["verify"] = true.into();
    let answer = server.post(PATH, &json!({"connections": [import, import]})).await.expect(201);
    assert_eq!(
        (&answer["data"][0]["status"], &answer["data"][1]["status"]),
        (&json!(201), &json!(200)),
        "{answer}"
    );
    let ids = [0, 1].map(|number| text(&answer["data"][number]["connection"]["id_connection"]));
    assert_eq!(ids[0], ids[1]);
    assert_eq!(server.count("/connections").await, 1);
}

#[tokio::test]
async fn an_id_of_another_project_is_refused_for_itself_alone() {
    let (_provider, server) = given().await;
    let other = server.another_project("other").await;
    let theirs = text(&other.import("theirs", json!({})).await["id_linked_user"]);
    let mut import = an_import("", json!({"id_linked_user": theirs}));
    import.as_object_mut().expect("an object").remove("linked_user_origin_id");
    let answer =
        server.post(PATH, &json!({"connections": [import, an_import("ours", json!({}))]})).await.expect(201);
    assert_eq!(answer["data"][0]["error"]["code"], "unknown_id");
    assert_eq!(answer["data"][1]["status"], 201);
}

#[tokio::test]
async fn a_batch_holds_from_1_to_500_imports() {
    let (_provider, server) = given().await;
    let many: Vec<_> = (0..501).map(|number| an_import(&number.to_string(), json!({}))).collect();
    for wrong in [json!([]), json!(many), json!("all"), json!(null)] {
        server.post(PATH, &json!({"connections": wrong})).await.assert_refused_at("/connections");
    }
    server.post(PATH, &json!({})).await.assert_refused_at("/connections");
    server.assert_nothing_stored().await;
}

#[tokio::test]
async fn what_is_no_import_at_all_has_its_outcome_too() {
    let (_provider, server) = given().await;
    let odd = json!([null, 7, "import", [], {}, {"unknown": true}, an_import("user-1", json!({}))]);
    let answer = server.post(PATH, &json!({"connections": odd})).await.expect(201);
    let statuses: Vec<_> = (0..7).map(|number| answer["data"][number]["status"].as_u64()).collect();
    assert_eq!(statuses, [400, 400, 400, 400, 400, 400, 201].map(Some), "{answer}");
}
