//! Forgetting a person: what was stored of the person goes, also what ends or arrives only afterwards.

use std::time::Duration;

use panora::model::{AttemptKind, JobId, LinkedUserId, ResendId};
use panora::store::{Erasure, NewJob, NewResend};
use panora::vault::Slot;
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

#[tokio::test]
async fn of_a_person_with_many_events_everything_is_erased_and_nothing_more_is_sent() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let inactive = server.endpoint_with(&receiver, json!({"active": false})).await;
    let user = server.post("/linked_users", &json!({"linked_user_origin_id": "user-1"})).await.expect(201);
    let user = user["id_linked_user"].clone();
    let id = text(&user).parse().expect("an id");
    server.publish(1500, Some(id), &json!({"name": "Ada"})).await;
    server.publish(1, None, &json!({"name": "nobody"})).await;
    forget(&server, &user).await;
    let count = async |sql: &str| server.database().number(&format!("SELECT COUNT(*) FROM {sql}")).await;
    assert_eq!(count("events WHERE body IS NOT NULL").await, 1);
    assert_eq!(count("deliveries WHERE state = 'cancelled' AND cause = 'erased'").await, 1500);
    assert_eq!(count("deliveries WHERE state = 'open'").await, 1);
    assert_eq!(count("jobs").await, 0);
    server.put(&format!("/webhooks/{}", inactive.id), &json!({"active": true})).await.expect(200);
    assert_eq!(receiver.next().await.data()["name"], "nobody");
    assert_eq!(receiver.arrived().len(), 1);
}

#[tokio::test]
async fn an_erasure_that_was_broken_off_is_ended_by_its_job() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    server.endpoint_with(&receiver, json!({"active": false})).await;
    let app = server.app();
    let user = LinkedUserId::new(&app.clock, &app.random);
    server.publish(700, Some(user), &json!({"name": "Ada"})).await;
    let project = app.store.list_projects().await.expect("projects can be listed")[0].id;
    // As the transaction that forgets a person leaves it; what follows is not about the person any more.
    let erasure = Erasure { id_project: project, id_linked_user: user, after: 0, until: 700 };
    server.publish(1, Some(user), &json!({"id_linked_user": user})).await;
    let id = JobId::new(&app.clock, &app.random);
    let payload = app.vault.seal_json(Slot::JobPayload, id, &erasure);
    let mut tx = app.store.begin().await.expect("a transaction can be opened");
    let job = NewJob {
        id,
        id_project: project,
        kind: "erase_person",
        payload: &payload,
        due_in: Duration::from_secs(10),
    };
    app.store.add_job(&mut tx, &job).await.expect("a job can be added");
    tx.commit().await.expect("it can be committed");
    server.advance(Duration::from_secs(11));
    eventually("the job to end", || async {
        (server.database().number("SELECT COUNT(*) FROM jobs").await == 0).then_some(())
    })
    .await;
    assert_eq!(server.database().number("SELECT COUNT(*) FROM events WHERE body IS NOT NULL").await, 1);
    assert_eq!(server.database().number("SELECT COUNT(*) FROM deliveries WHERE state = 'open'").await, 1);
}

#[tokio::test]
async fn an_attempt_that_was_asked_for_is_not_made_of_what_was_erased_or_is_gone() {
    let (server, receiver) = (TestServer::start().await, Receiver::start().await);
    let endpoint = server.endpoint(&receiver, &["connection.created"]).await;
    for number in 0..2 {
        server.import(&format!("user-{number}"), json!({})).await;
    }
    server.all_attempted(&endpoint).await;
    let deliveries = server.deliveries(&endpoint).await;
    let [erased, gone] = [0, 1].map(|place| text(&deliveries[place]["id_delivery"]));
    let event = text(&deliveries[0]["id_event"]);
    server.database().execute(&format!("UPDATE events SET body = NULL WHERE id = '{event}'")).await;
    server.database().execute(&format!("DELETE FROM deliveries WHERE id = '{gone}'")).await;
    let app = server.app();
    let id_project = app.store.list_projects().await.expect("projects can be listed")[0].id;
    let wish = |delivery: &str| NewResend {
        id: ResendId::new(&app.clock, &app.random),
        id_project,
        id_delivery: delivery.parse().expect("an id"),
        id_endpoint: endpoint.id.parse().expect("an id"),
        kind: AttemptKind::Resend,
    };
    let mut tx = app.store.begin().await.expect("a transaction can be opened");
    app.store.add_resends(&mut tx, [wish(&erased), wish(&gone)]).await.expect("they can be added");
    tx.commit().await.expect("it can be committed");
    app.wake.deliveries.notify_one();
    eventually("both to be over", || async {
        (server.database().number("SELECT COUNT(*) FROM resends").await == 0).then_some(())
    })
    .await;
    let attempts = format!("SELECT COUNT(*) FROM attempts WHERE id_delivery = '{erased}'");
    assert_eq!((server.database().number(&attempts).await, receiver.arrived().len()), (1, 2));
}
