//! The walk: an account is connected, its credentials are refreshed and tried, and everything is given back. Each step says
//! what was sent, what came back and whether it worked.

use std::time::Duration;

use panora_catalog::RevocationOutcome;
use panora_pages::Failure;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::Means;
use super::hidden::Hidden;
use super::tell;
use crate::app::App;
use crate::cli::api::{Api, text};
use crate::cli::terminal::counted;
use crate::connect::Sighting;

/// How often the link is looked at while the person is away.
const LOOK: Duration = Duration::from_millis(250);
/// How long a provider may take to take a grant back.
const GIVING_BACK: Duration = Duration::from_secs(20);
/// How long the giving back after a failed flow is waited for.
const AFTERWARDS: Duration = Duration::from_secs(3);

pub struct Trial {
    pub api: Api,
    pub app: App,
    pub provider: std::sync::Arc<panora_catalog::Provider>,
    pub sightings: Receiver<Sighting>,
    pub hidden: Hidden,
    /// Whether the provider has granted anything.
    pub granted: bool,
    /// How the last giving back ended, once it has.
    pub given_back: Option<RevocationOutcome>,
    /// What did not work.
    pub wrong: u32,
}

impl Trial {
    /// All steps; those after one that must work are left out where it does not. An error is one of our own.
    pub async fn walk(&mut self, means: Means) -> Result<(), String> {
        // The name that the connect page shows.
        self.api.patch("/project", &json!({"name": "Your trial"})).await?;
        println!("\nConnect");
        let connection = match means {
            Means::Browser { wait } => self.connect_in_browser(wait).await?,
            Means::Fields(fields) => self.connect_with(&json!(fields)).await?,
        };
        let Some(connection) = connection else { return Ok(()) };
        self.tell_connection(&connection);
        let id = text(&connection, "/id_connection")?;
        println!("\nRefresh");
        self.refresh(&id, &connection).await?;
        println!("\nVerify");
        self.verify(&id).await
    }

    async fn connect_in_browser(&mut self, wait: Duration) -> Result<Option<Value>, String> {
        let body = json!({"linked_user_origin_id": "you", "alias": "you", "providers": [self.provider.slug()],
            "expires_in": wait.as_secs().max(60)});
        let (status, link) = self.call(Method::POST, "/magic_links", Some(&body)).await?;
        if !status.is_success() {
            self.is_wrong(&problem(&link));
            return Ok(None);
        }
        println!("  Open this in a browser, and connect:\n\n    {}\n", text(&link, "/url")?);
        let path = format!("/magic_links/{}", text(&link, "/id_magic_link")?);
        let (deadline, mut look) = (Instant::now() + wait, interval(LOOK));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < deadline {
            look.tick().await;
            let (_, link) = self.call(Method::GET, &path, None).await?;
            if link["status"] == "used" {
                let (_, connections) = self.call(Method::GET, "/connections", None).await?;
                return Ok(connections.get(0).cloned());
            }
            if let Some(code) = failure_of(&link) {
                let failure = Failure::ALL.iter().find(|failure| failure.code() == code);
                let words = failure.map(|failure| failure.explanation()).unwrap_or_default();
                self.is_wrong(&format!("The person was told `{code}`. {words}"));
                return Ok(None);
            }
        }
        let patience = counted(wait.as_secs(), "second", "seconds");
        self.is_wrong(&format!("Nobody came back within {patience}."));
        Ok(None)
    }

    async fn connect_with(&mut self, fields: &Value) -> Result<Option<Value>, String> {
        let body = json!({"linked_user_origin_id": "you", "provider_slug": self.provider.slug(),
            "credentials": fields, "verify": true});
        let (status, answer) = self.call(Method::POST, "/connections", Some(&body)).await?;
        if status.is_success() {
            return Ok(Some(answer));
        }
        self.is_wrong(&problem(&answer));
        Ok(None)
    }

    fn tell_connection(&mut self, it: &Value) {
        self.is_right("Connected.");
        let parts = ["/account/id", "/account/name", "/account/email"];
        let account: Vec<_> = parts.iter().filter_map(|part| it.pointer(part)?.as_str()).collect();
        let account =
            if account.is_empty() { "the file does not say whose it is" } else { &account.join(" · ") };
        self.fact("account", account);
        self.fact("API", it["account_url"].as_str().unwrap_or_default());
        let own = self.app.clients.get(self.provider.slug()).and_then(|client| client.scopes.clone());
        let asked = own.unwrap_or_else(|| self.provider.default_scopes());
        if !asked.is_empty() {
            self.fact("asked for", &asked.join(" "));
            self.fact("granted", &listed(&it["scopes"]));
        }
        self.fact(
            "expires",
            it["expiration_timestamp"].as_str().unwrap_or("never, as far as the answer says"),
        );
        let missing = listed(&it["missing_scopes"]);
        if !missing.is_empty() {
            self.is_wrong(&format!("Asked for and not granted: {missing}."));
        }
    }

    async fn refresh(&mut self, id: &str, connection: &Value) -> Result<(), String> {
        let path = format!("/connections/{id}/refresh");
        let (status, answer) = self.call(Method::POST, &path, Some(&json!({}))).await?;
        if status.is_success() {
            let until =
                answer["expiration_timestamp"].as_str().unwrap_or("for good, as far as the answer says");
            self.is_right(&format!("Refreshed: good until {until}."));
        } else if answer["code"] == "not_refreshable" {
            self.tell_unrefreshable(connection["expiration_timestamp"].as_str());
        } else {
            self.is_wrong(&problem(&answer));
        }
        Ok(())
    }

    fn tell_unrefreshable(&mut self, ends: Option<&str>) {
        match ends {
            None => self.is_aside("There is no refresh token, and the credentials do not expire."),
            Some(at) if !self.provider.offers_refresh() => {
                self.is_aside(&format!(
                    "This provider gives no refresh tokens: after {at} people connect again."
                ));
            }
            Some(at) => {
                let hint = self.provider.offline().map(|hint| format!(" What asks for one: {hint}."));
                let hint = hint.unwrap_or_default();
                self.is_wrong(&format!("No refresh token was given: all ends at {at}.{hint}"));
            }
        }
    }

    async fn verify(&mut self, id: &str) -> Result<(), String> {
        let path = format!("/connections/{id}/verify");
        let (status, answer) = self.call(Method::POST, &path, Some(&json!({}))).await?;
        match answer["verification"].as_str() {
            Some("good") => self.is_right("The provider takes the credentials."),
            Some("not_offered") => {
                self.is_aside(
                    "The file names no way to try credentials: `identity` or `verify` would be one.",
                );
            }
            Some(found) => self.is_wrong(&format!("The answer means `{found}`.")),
            None => self.is_wrong(&format!("{status}: {}", problem(&answer))),
        }
        Ok(())
    }

    /// Ends what was connected, here and at the provider.
    pub async fn clean_up(&mut self) -> Result<(), String> {
        println!("\nGive back");
        let (_, connections) = self.call(Method::GET, "/connections", None).await?;
        let connections = connections.as_array().cloned().unwrap_or_default();
        for connection in &connections {
            let path = format!("/connections/{}", text(connection, "/id_connection")?);
            self.given_back = None;
            let (_, ended) = self.call(Method::DELETE, &path, None).await?;
            if ended["at_provider"] == "promised" {
                self.wait_for_revocation(GIVING_BACK).await;
            } else {
                self.tell_unrevoked();
            }
        }
        // What a failed flow was granted is given back by the server itself.
        if connections.is_empty() && self.granted && self.provider.can_revoke() {
            self.wait_for_revocation(AFTERWARDS).await;
        } else if connections.is_empty() {
            self.is_aside("Nothing was connected.");
        }
        Ok(())
    }

    fn tell_unrevoked(&mut self) {
        if self.provider.auth_kind().redirects() {
            self.is_aside("The file names no way to revoke: take the access away in your account there.");
        } else {
            self.is_aside("Forgotten here. The credentials are your own, and stay good at the provider.");
        }
    }

    async fn wait_for_revocation(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        while self.given_back.is_none() {
            let Ok(Some(sighting)) = timeout_at(end, self.sightings.recv()).await else { break };
            self.see(&sighting);
        }
        match self.given_back {
            Some(RevocationOutcome::Done) => self.is_right("Revoked at the provider."),
            Some(_) => self.is_wrong("The provider did not take it back."),
            None if patience == GIVING_BACK => {
                self.is_wrong("The provider was not asked to take it back in time.");
            }
            None => self.is_aside("Nothing had to be given back."),
        }
    }

    /// Calls our own API, and shows what that sent to the provider.
    async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), String> {
        let answer = self.api.call(method, path, body).await?;
        while let Ok(sighting) = self.sightings.try_recv() {
            self.see(&sighting);
        }
        Ok(answer)
    }

    fn see(&mut self, sighting: &Sighting) {
        match sighting {
            Sighting::Departure(_) => {}
            Sighting::Exchange(exchange) => {
                self.granted |= exchange.answer.as_ref().is_ok_and(|answer| answer.status < 300);
            }
            Sighting::GivenBack(outcome) => self.given_back = Some(*outcome),
        }
        for line in tell::lines(sighting, &mut self.hidden) {
            println!("      {line}");
        }
    }

    fn fact(&self, name: &str, value: &str) {
        println!("      {name:<10} {}", self.hidden.shown(value));
    }

    fn is_right(&self, words: &str) {
        println!("  ok  {}", self.hidden.shown(words));
    }

    fn is_aside(&self, words: &str) {
        println!("  --  {}", self.hidden.shown(words));
    }

    fn is_wrong(&mut self, words: &str) {
        self.wrong += 1;
        println!("  !!  {}", self.hidden.shown(words));
    }
}

/// The code of the last failure on the way.
fn failure_of(link: &Value) -> Option<String> {
    let steps = link["timeline"].as_array()?;
    let failed = steps.iter().rev().find(|step| step["step"] == "failed")?;
    Some(failed["detail"].as_str().unwrap_or_default().to_owned())
}

/// What a problem says, with the fields it is about.
fn problem(answer: &Value) -> String {
    let detail = answer["detail"].as_str().unwrap_or("the server gave no reason");
    let errors = answer["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let at = |error: &Value| {
        let part = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        format!(" {}: {}", part("pointer"), part("detail"))
    };
    format!("{detail}{}", errors.iter().map(at).collect::<String>())
}

fn listed(list: &Value) -> String {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.collect::<Vec<_>>().join(" ")
}
