//! The sandbox under a provider file of a test's own, which asks it to play a quirk.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::api::sent;
use super::browser::{Browser, Form, Page};
use super::database::Database;
use super::given::text;
use super::road::Road;
use super::server::{Settings, TestServer};
use super::wait::eventually;

const TOKEN: &str = "/sandbox/oauth/token";

/// What the file says beyond the plain sandbox: lines of its sections.
#[derive(Clone, Copy, Default)]
pub struct Says<'a> {
    /// Codes of the quirks.
    pub plays: &'a str,
    /// Whether it is the client with a secret that asks.
    pub has_secret: bool,
    pub authorization: &'a str,
    pub token: &'a str,
    /// Whole sections; `identity` in the place of the usual one.
    pub sections: &'a str,
}

impl Says<'_> {
    fn file(&self) -> String {
        let (plays, authorization, token) = (self.plays, self.authorization, self.token);
        let client = if self.has_secret { "" } else { "client: {id: sandbox}\n" };
        let identity = if self.sections.contains("identity:") {
            ""
        } else {
            "identity:\n  request: {url: /me}\n  id: [\"{/id}\"]\n"
        };
        let sections = self.sections;
        format!(
            "slug: quirky\nname: Quirky\nverticals: [crm]\ncolour: \"#336699\"\ndocs: https://example.com/docs\n\
             auth: oauth2_code\n{client}authorization:\n  url: \"{{public_url}}/sandbox/oauth/authorize\"\n  \
             parameters: {{play: \"{plays}\"}}\n{authorization}\ntoken:\n  url: \"{{public_url}}/sandbox/oauth/token\"\n\
             {token}\nscopes:\n  default: [{{name: contacts.read}}, {{name: contacts.write}}, {{name: profile}}]\n\
             {identity}{sections}\n{}",
            if sections.contains("api:") { "" } else { "api: {base_url: \"{public_url}/sandbox/api\"}\n" }
        )
    }
}

/// A server behind a road, with a provider `quirky` that is the sandbox.
pub struct Quirky {
    pub road: Road,
    pub server: TestServer,
}

impl Quirky {
    pub async fn new(says: Says<'_>) -> Self {
        let quirky = Self::of_file(&says.file()).await;
        if says.has_secret {
            let app = json!({"client_id": "sandbox-app", "client_secret": "sandbox-app-secret"});
            quirky.server.put("/providers/quirky/app", &app).await.expect(200);
        }
        quirky
    }

    /// With a whole file.
    pub async fn of_file(file: &str) -> Self {
        let (database, road) = (Database::fresh().await, Road::start().await);
        let folder = database.folder.join("providers");
        std::fs::create_dir_all(&folder).expect("the folder can be written");
        std::fs::write(folder.join("quirky.yaml"), file).expect("the folder can be written");
        let settings = Settings::default().flag("--providers-dir", folder.display().to_string());
        let server = settings.database(database).behind(&road).start().await;
        Self { road, server }
    }

    /// From a link to the page before leaving, or the form.
    pub async fn opened(&self) -> (Browser, Page) {
        let link = json!({"providers": ["quirky"], "expires_in": 3600});
        let link = self.server.magic_link_with("user-1", link).await;
        let browser = Browser::new();
        let page = browser.open(text(&link["url"])).await;
        (browser, page)
    }

    /// The last page of a person who agrees to what `changed` makes of the consent.
    pub async fn agreed(&self, changed: impl FnOnce(Form) -> Form) -> Page {
        let (browser, page) = self.opened().await;
        let consent = browser.on_to_consent(&page).await;
        browser.submit(&changed(consent.form().with("account", "acme")).allow()).await
    }

    /// The connection of a person who agrees.
    pub async fn connected(&self) -> Value {
        let page = self.agreed(|form| form).await;
        page.assert_says(200, "Quirky is connected");
        self.server.connection_of("user-1").await
    }

    /// The last page of one who agrees in vain: nothing is connected.
    pub async fn refused(&self) -> Page {
        let page = self.agreed(|form| form).await;
        assert!(page.url.path().contains("/failed/"), "{}", page.text());
        assert_eq!(self.server.count("/connections").await, 0);
        page
    }

    /// Calls the API with the connection.
    pub async fn call(&self, connection: &Value) -> super::api::Answer {
        let call = json!({"method": "GET", "path": "/me"});
        self.server.passthrough(&text(&connection["connection_token"]), &call).await
    }

    /// Calls, lets the access token end, and calls again.
    pub async fn lasts(&self, connection: &Value) {
        for _ in 0..2 {
            let answer = self.call(connection).await.expect(200);
            assert_eq!(answer["data"]["id"], "acme", "{answer}");
            self.server.advance(Duration::from_hours(2));
        }
        assert_eq!(self.call(connection).await.expect(200)["data"]["id"], "acme");
    }

    /// Checks that the provider refuses the connection's next call, and that the person is then needed.
    pub async fn is_lost(&self, connection: &Value) {
        assert_eq!(self.call(connection).await.expect(200)["status"], 401);
        self.call(connection).await.assert_problem(409, "needs_reauth");
    }

    /// The access token that the sandbox gave last.
    pub fn last_access_token(&self) -> String {
        let answer = self.road.passed(TOKEN).pop().expect("tokens were given").answer;
        let answer: Value = serde_json::from_slice(&answer).expect("it is JSON");
        text(answer.pointer("/data/access_token").unwrap_or(&answer["access_token"]))
    }

    /// Whether the sandbox takes a token.
    pub async fn takes(&self, token: &str) -> bool {
        let request = self.server.keyless(Method::GET, "/sandbox/api/companies").bearer_auth(token);
        sent(request).await.status == 200
    }

    /// Deletes the connection; waits until the sandbox takes its token no more.
    pub async fn is_given_back(&self, connection: &Value) {
        let token = self.last_access_token();
        assert!(self.takes(&token).await);
        let path = format!("/connections/{}", text(&connection["id_connection"]));
        self.server.delete(&path).await.expect(200);
        eventually("the grant to end", || async { (!self.takes(&token).await).then_some(()) }).await;
    }
}
