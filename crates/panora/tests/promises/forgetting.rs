//! Forgetting a person: what was stored of the person goes, also what ends or arrives only afterwards.

use serde_json::{Value, json};

use crate::support::{Receiver, Road, TestServer, Trouble, an_import, eventually, text};

async fn forget(server: &TestServer, linked_user: &Value) {
    server.delete(&format!("/linked_users/{}", text(linked_user))).await.expect(200);
}

#[tokio::test]
async fn forgetting_erases_what_links_say_of_the_person_revoked_ones_too() {
    let server = TestServer::start().await;
    let body = json!({"email": "ada@lovelace.example", "metadata": {"name": "Ada"}});
    let standing = server.magic_link_with("user-1", body.clone()).await;
    let revoked = server.magic_link_with("user-1", body).await;
    server.delete(&format!("/magic_links/{}", text(&revoked["id_magic_link"]))).await.expect(200);
    forget(&server, &revoked["id_linked_user"]).await;
    for link in [standing, revoked] {
        let link = server.get(&format!("/magic_links/{}", text(&link["id_magic_link"]))).await.expect(200);
        assert_eq!((&link["email"], &link["metadata"]), (&Value::Null, &json!({})));
        assert_eq!(link["status"], "revoked");
    }
}

#[tokio::test]
async fn what_an_endpoint_answers_about_a_person_forgotten_meanwhile_is_not_kept() {
    let (server, road, receiver) = (TestServer::start().await, Road::start().await, Receiver::start().await);
    road.leads_to(receiver.url().trim_end_matches("/webhook"));
    road.block("/webhook", Trouble::Closed);
    let body = json!({"url": format!("{}/webhook", road.url), "scope": ["connection.created"]});
    let endpoint = server.post("/webhooks", &body).await.expect(201);
    let connection = server.import("user-1", json!({})).await;
    road.wait_for("/webhook", 1).await;
    forget(&server, &connection["id_linked_user"]).await;
    road.open("/webhook");
    let list = format!("/webhooks/{}/deliveries", text(&endpoint["id_webhook_endpoint"]));
    let id = text(&server.get(&list).await.expect(200)["data"][0]["id_delivery"]);
    let attempt = eventually("the attempt to be recorded", || async {
        let delivery = server.get(&format!("/deliveries/{id}")).await.expect(200);
        delivery["attempts"].get(0).cloned()
    })
    .await;
    assert_eq!((&attempt["status"], &attempt["detail"]), (&json!(200), &Value::Null));
}

#[tokio::test]
async fn a_link_made_while_its_person_is_forgotten_opens_nothing() {
    let server = TestServer::start().await;
    for round in 0..10 {
        let body = json!({"linked_user_origin_id": format!("user-{round}")});
        let user = server.post("/linked_users", &body).await.expect(201)["id_linked_user"].clone();
        let body = json!({"id_linked_user": user, "providers": ["sandbox"]});
        let (link, ()) = tokio::join!(server.post("/magic_links", &body), forget(&server, &user));
        if link.status == 201 {
            let path = format!("/magic_links/{}", text(&link.body["id_magic_link"]));
            assert_eq!(server.get(&path).await.expect(200)["status"], "revoked");
        } else {
            link.assert_problem(422, "unknown_id");
        }
    }
}

#[tokio::test]
async fn a_connection_imported_while_its_person_is_forgotten_does_not_stand() {
    let server = TestServer::start().await;
    for round in 0..10 {
        let body = json!({"linked_user_origin_id": format!("user-{round}")});
        let user = server.post("/linked_users", &body).await.expect(201)["id_linked_user"].clone();
        let mut import = an_import("nobody", json!({"id_linked_user": user}));
        import.as_object_mut().expect("an object").remove("linked_user_origin_id");
        let (answer, ()) = tokio::join!(server.post("/connections", &import), forget(&server, &user));
        if answer.status == 201 {
            let path = format!("/connections/{}", text(&answer.body["id_connection"]));
            assert_eq!(server.get(&path).await.expect(200)["status"], "revoked");
        } else {
            answer.assert_problem(422, "unknown_id");
        }
    }
}
