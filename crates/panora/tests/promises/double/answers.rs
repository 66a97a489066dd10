//! What a provider answers, so that it holds what the provider's file reads.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::document::{pointers, put, set};
use super::file::File;

/// How long access tokens last where the answer says it, in seconds.
pub const LIFE: i64 = 7_200;

/// The tokens of one answer.
#[derive(Clone, Default)]
pub struct Tokens {
    pub access: String,
    pub refresh: Option<String>,
}

impl File {
    /// A token answer's shape of that number; standard where the file says nothing.
    fn shape(&self, number: usize) -> Value {
        self.yaml["token"]["answers"]
            .get(number)
            .cloned()
            .unwrap_or_else(|| json!({"access_token": "/access_token"}))
    }

    /// An access token: a JWT where its claims count.
    pub fn access_token(&self, text: &str, number: usize, now: i64) -> String {
        let shape = self.shape(number);
        let mut claims = json!({"jti": text});
        if let Some(claim) = shape["expires"]["jwt"].as_str() {
            claims[claim] = (now + LIFE).into();
        }
        for (pointer, value) in self.from("claim") {
            set(&mut claims, &pointer, value.into());
        }
        if claims.as_object().is_some_and(|claims| claims.len() == 1) {
            return text.to_owned();
        }
        format!("e30.{}.signature", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    /// A token answer (RFC 6749, section 5.1) as this provider shapes it.
    pub fn token_answer(&self, number: usize, tokens: &mut Tokens, scope: Option<&str>, now: i64) -> Value {
        let shape = self.shape(number);
        let place = |name: &str, usual: &str| shape[name].as_str().unwrap_or(usual).to_owned();
        let mut answer = json!({});
        let access = place("access_token", "/access_token");
        set(&mut answer, &access, tokens.access.as_str().into());
        let refresh = place("refresh_token", "/refresh_token");
        if refresh == access {
            tokens.refresh = Some(tokens.access.clone());
        } else if let Some(token) = &tokens.refresh {
            set(&mut answer, &refresh, token.as_str().into());
        }
        if let Some(scope) = scope {
            put(&mut answer, &place("scope", "/scope"), scope.into());
        }
        let expires = &shape["expires"];
        let at = jiff::Timestamp::from_second(now + LIFE).expect("a time of our days");
        let spelled = [
            ("in", Value::from(LIFE)),
            ("at_seconds", Value::from(at.as_second())),
            ("at_milliseconds", Value::from(at.as_millisecond())),
            ("at_text", Value::from(at.to_string())),
        ];
        for (spelling, value) in spelled {
            let usual = (spelling == "in" && expires.is_null()).then_some("/expires_in");
            if let Some(pointer) = expires[spelling].as_str().or(usual) {
                set(&mut answer, pointer, value);
            }
        }
        for (pointer, value) in self.from("token") {
            put(&mut answer, &pointer, value.into());
        }
        put(&mut answer, "/token_type", "Bearer".into());
        answer
    }

    /// How long the connection's token should last, in seconds; none where it does not end or nobody says when.
    pub fn lifetime(&self, number: usize) -> Option<i64> {
        match &self.shape(number)["expires"] {
            _ if self.yaml["token"].is_null() => None,
            Value::String(never) if never == "never" => None,
            expires => Some(expires["lifetime"].as_i64().unwrap_or(LIFE)),
        }
    }

    /// What the API answers to requests of these names: to several, where they are one and the same request.
    pub fn api_answer(&self, names: &[&str]) -> Value {
        let mut answer = json!({});
        if names.contains(&"tenants") {
            self.put_tenants(&mut answer);
        }
        if names.contains(&"identity") {
            self.put_identity(&mut answer);
        }
        let expected = &self.yaml["verify"]["expect"];
        if let (true, Some(pointer)) = (names.contains(&"verify"), expected["at"].as_str()) {
            set(&mut answer, pointer, expected["is"].clone());
        }
        answer
    }

    /// Another one comes first, so that the choice counts.
    fn put_tenants(&self, answer: &mut Value) {
        let tenant = |change: fn(&str) -> String| {
            let mut tenant = json!({});
            for (pointer, value) in self.from("tenant") {
                put(&mut tenant, &pointer, change(&value).into());
            }
            fill(&mut tenant, &self.yaml["tenants"]["name"]);
            tenant
        };
        let tenants = json!([tenant(another), tenant(str::to_owned)]);
        match self.yaml["tenants"]["list"].as_str() {
            Some(pointer) => set(answer, pointer, tenants),
            None => *answer = tenants,
        }
    }

    fn put_identity(&self, answer: &mut Value) {
        for (pointer, value) in self.from("identity") {
            put(answer, &pointer, value.into());
        }
        for part in ["id", "name", "email"] {
            fill(answer, &self.yaml["identity"][part]);
        }
    }
}

/// Puts a text at each pointer of the templates.
fn fill(answer: &mut Value, templates: &Value) {
    for template in templates.as_array().into_iter().flatten().filter_map(Value::as_str) {
        for pointer in pointers(template) {
            put(answer, pointer, format!("the {}", pointer.replace('/', " ").trim()).into());
        }
    }
}

/// A value of the same shape that is another where it has digits.
fn another(value: &str) -> String {
    let turned =
        |digit: char| digit.to_digit(10).and_then(|it| char::from_digit(9 - it, 10)).unwrap_or(digit);
    value.chars().map(turned).collect()
}
