//! What a test begins with: endpoints, links and connections, each in a line.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::api::Api;
use super::browser::{Browser, Page};
use super::receiver::Receiver;
use super::wait::eventually;

/// An endpoint, and the secret that its creation has shown.
pub struct Endpoint {
    pub id: String,
    pub secret: String,
}

/// A connection that a person made through the pages.
pub struct Connected {
    pub id: String,
    pub token: String,
    /// The last page that the person saw.
    pub page: Page,
}

impl Api {
    /// A receiver's address, subscribed to these types.
    pub async fn endpoint(&self, receiver: &Receiver, scope: &[&str]) -> Endpoint {
        self.endpoint_with(receiver, json!({"scope": scope})).await
    }

    /// The same with further fields.
    pub async fn endpoint_with(&self, receiver: &Receiver, mut body: Value) -> Endpoint {
        body["url"] = receiver.url().into();
        if body["scope"].is_null() {
            body["scope"] = json!(["*"]);
        }
        let endpoint = self.post("/webhooks", &body).await.expect(201);
        Endpoint { id: text(&endpoint["id_webhook_endpoint"]), secret: text(&endpoint["secret"]) }
    }

    /// A magic link for the sandbox; gives the whole answer.
    pub async fn magic_link(&self, origin_id: &str) -> Value {
        self.magic_link_with(origin_id, json!({})).await
    }

    /// The same with further fields.
    pub async fn magic_link_with(&self, origin_id: &str, mut body: Value) -> Value {
        body["linked_user_origin_id"] = origin_id.into();
        if body["id_connection"].is_null() && body["providers"].is_null() {
            body["providers"] = json!(["sandbox"]);
        }
        self.post("/magic_links", &body).await.expect(201)
    }

    /// The URL of a new magic link.
    pub async fn link(&self, origin_id: &str) -> String {
        text(&self.magic_link(origin_id).await["url"])
    }

    /// A person opens a link and connects the sandbox's first account.
    pub async fn connect(&self, origin_id: &str) -> Connected {
        self.connect_as(origin_id, "acme").await
    }

    /// The same with another account of the sandbox.
    pub async fn connect_as(&self, origin_id: &str, account: &str) -> Connected {
        let link = self.link(origin_id).await;
        let page = Browser::new().connect_as(&link, account).await;
        assert_eq!((page.status, page.url.path().ends_with("/done")), (200, true), "{}", page.text());
        let connection = self.connection_of(origin_id).await;
        Connected {
            id: text(&connection["id_connection"]),
            token: text(&connection["connection_token"]),
            page,
        }
    }

    /// The newest connection of a linked user.
    pub async fn connection_of(&self, origin_id: &str) -> Value {
        self.connections_of(origin_id).await.into_iter().next().expect("the person has a connection")
    }

    /// All connections of a linked user, newest first.
    pub async fn connections_of(&self, origin_id: &str) -> Vec<Value> {
        let list = self.get(&format!("/connections?linked_user_origin_id={origin_id}")).await.expect(200);
        list.as_array().cloned().expect("a list is an array")
    }

    /// Imports credentials that nobody tries.
    pub async fn import(&self, origin_id: &str, body: Value) -> Value {
        self.post("/connections", &an_import(origin_id, body)).await.expect(201)
    }

    /// Imports for so many people, many at a time.
    pub async fn import_many(&self, name: &str, count: usize) {
        let people: Vec<_> = (0..count).map(|number| format!("{name}-{number}")).collect();
        for some in people.chunks(50) {
            join_all(some.iter().map(|person| self.import(person, json!({})))).await;
        }
    }

    /// How many there are of a resource whose list is an array.
    pub async fn count(&self, list: &str) -> usize {
        let answer = self.get(list).await.expect(200);
        answer.as_array().or(answer["data"].as_array()).expect("a list").len()
    }

    /// Checks that a refused request has left nothing behind.
    pub async fn assert_nothing_stored(&self) {
        for list in ["/linked_users", "/magic_links", "/connections", "/webhooks"] {
            assert_eq!(self.count(list).await, 0, "{list}");
        }
    }

    /// The only delivery of an endpoint, with its attempts.
    pub async fn only_delivery(&self, endpoint: &Endpoint) -> Value {
        let list = self.get(&format!("/webhooks/{}/deliveries", endpoint.id)).await.expect(200);
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
        self.get(&format!("/deliveries/{}", text(&list["data"][0]["id_delivery"]))).await.expect(200)
    }

    /// Waits until each delivery of an endpoint has a recorded attempt.
    pub async fn all_attempted(&self, endpoint: &Endpoint) {
        eventually("all deliveries to be attempted", || async {
            let list = self.get(&format!("/webhooks/{}/deliveries", endpoint.id)).await.expect(200);
            let list = list["data"].as_array().cloned().expect("a list");
            list.iter().all(|delivery| delivery["tries"].as_u64() > Some(0)).then_some(())
        })
        .await;
    }

    /// The only delivery, once so many of its attempts are recorded.
    pub async fn delivery_after(&self, endpoint: &Endpoint, attempts: usize) -> Value {
        eventually(&format!("{attempts} recorded attempts"), || async {
            let delivery = self.only_delivery(endpoint).await;
            let recorded = delivery["attempts"].as_array().map_or(0, Vec::len);
            let counted = delivery["tries"].as_u64() >= u64::try_from(attempts).ok();
            (recorded >= attempts && counted).then_some(delivery)
        })
        .await
    }

    /// An endpoint's deliveries, newest first: a page of them.
    pub async fn deliveries(&self, endpoint: &Endpoint) -> Vec<Value> {
        let list = self.get(&format!("/webhooks/{}/deliveries?limit=200", endpoint.id)).await.expect(200);
        list["data"].as_array().cloned().expect("a list")
    }

    /// The endpoint, once it has this status.
    pub async fn endpoint_is(&self, endpoint: &Endpoint, status: &str) -> Value {
        eventually(&format!("the endpoint to be {status}"), || async {
            let shown = self.get(&format!("/webhooks/{}", endpoint.id)).await.expect(200);
            (shown["status"] == status).then_some(shown)
        })
        .await
    }

    /// A delivery, once it has this status.
    pub async fn delivery_is(&self, id: &Value, status: &str) -> Value {
        eventually(&format!("the delivery to be {status}"), || async {
            let shown = self.get(&format!("/deliveries/{}", text(id))).await.expect(200);
            (shown["status"] == status).then_some(shown)
        })
        .await
    }

    /// A delivery, once so many of its attempts are recorded, of whatever kind.
    pub async fn attempted(&self, id: &Value, attempts: usize) -> Value {
        let path = format!("/deliveries/{}", text(id));
        eventually(&format!("{attempts} recorded attempts"), || async {
            let shown = self.get(&path).await.expect(200);
            (shown["attempts"].as_array().map_or(0, Vec::len) >= attempts).then_some(())
        })
        .await;
        // Once more: a delivery is read before its attempts.
        self.get(&path).await.expect(200)
    }
}

/// The body of an import into the sandbox; `body` adds to it and wins.
pub fn an_import(origin_id: &str, body: Value) -> Value {
    let mut import = json!({
        "linked_user_origin_id": origin_id,
        "provider_slug": "sandbox",
        "credentials": {"access_token": "imported-access-token", "expires_in": 3600},
    });
    if let (Value::Object(import), Value::Object(body)) = (&mut import, body) {
        import.extend(body);
    }
    import
}

/// The text of a JSON string.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}
