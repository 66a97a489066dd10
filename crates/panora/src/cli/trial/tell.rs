//! Requests to a provider and their answers, as lines for whoever writes its file. No line holds a secret.

use panora_catalog::{HttpRequest, is_form};
use serde_json::Value;
use url::Url;
use url::form_urlencoded;

use super::hidden::{HIDDEN, Hidden, is_harmless};
use crate::cli::terminal::counted;
use crate::connect::{Exchange, SeenAnswer, Sighting};

/// The most fields of an answer that are shown.
const MOST_FIELDS: usize = 40;

/// What was seen, in lines; its secrets are known from then on.
pub fn lines(sighting: &Sighting, hidden: &mut Hidden) -> Vec<String> {
    match sighting {
        Sighting::Departure(url) => departure(url, hidden),
        Sighting::Exchange(exchange) => of_exchange(exchange, hidden),
        Sighting::GivenBack(_) => Vec::new(),
    }
}

/// What an address bar shows anyway, but for what is good for one time only.
fn departure(url: &Url, hidden: &Hidden) -> Vec<String> {
    let mut lines = vec![format!("your browser goes to {}", place(url, hidden))];
    lines.extend(url.query_pairs().map(|(name, value)| {
        let once = matches!(&*name, "state" | "code_challenge" | "nonce" | "oauth_token");
        let value = if once { "(fresh)".to_owned() } else { hidden.shown(&value) };
        format!("  {:<24} {value}", hidden.shown(&name))
    }));
    lines
}

fn of_exchange(exchange: &Exchange, hidden: &mut Hidden) -> Vec<String> {
    let request = &exchange.request;
    let sent = Sent::of(request);
    sent.learn(hidden);
    let body = exchange.answer.as_ref().ok().map(|answer| parsed(&answer.body));
    if let (Ok(answer), Some(Some(body))) = (&exchange.answer, &body)
        && answer.status < 300
    {
        hidden.learn("", body);
    }
    let mut lines = vec![format!("{} {}", request.method, place(&request.url, hidden))];
    lines.extend(sent.lines(hidden));
    match &exchange.answer {
        Ok(answer) => lines.extend(answered(answer, body.flatten().as_ref(), hidden)),
        Err(error) => lines.push(format!("  no answer: {error}")),
    }
    lines
}

/// An address without its query.
fn place(url: &Url, hidden: &Hidden) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    hidden.shown(url.as_str())
}

/// What a request carries, by name.
struct Sent {
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    /// How the body is written, and its fields; none where it has no names.
    body: Option<(&'static str, Vec<(String, String)>)>,
    body_bytes: usize,
}

impl Sent {
    fn of(request: &HttpRequest) -> Self {
        let bytes = request.body.as_deref().unwrap_or_default();
        let has_form = request
            .headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("content-type") && is_form(value));
        let body = if has_form {
            Some(("form", form_urlencoded::parse(bytes).into_owned().collect()))
        } else {
            parsed(bytes).map(|body| ("JSON", leaves(&body).into_iter().map(of_leaf).collect()))
        };
        Self {
            query: request.url.query_pairs().into_owned().collect(),
            headers: request.headers.clone(),
            body: body.filter(|_| !bytes.is_empty()),
            body_bytes: bytes.len(),
        }
    }

    /// Whatever is hidden here must not be shown where an answer repeats it.
    fn learn(&self, hidden: &mut Hidden) {
        let fields = self.body.iter().flat_map(|(_, fields)| fields);
        for (name, value) in self.query.iter().chain(fields) {
            if !is_harmless(last_part(name)) {
                hidden.add_met(value);
            }
        }
        for (name, value) in self.headers.iter().filter(|(name, _)| !is_plain_header(name)) {
            let scheme = name.eq_ignore_ascii_case("authorization").then(|| value.split_once(' ')).flatten();
            hidden.add_met(scheme.map_or(value, |(_, rest)| rest));
        }
    }

    fn lines(&self, hidden: &Hidden) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, value) in &self.headers {
            lines.push(format!("  {:<9}{}: {}", "header", hidden.shown(name), header(name, value, hidden)));
        }
        let mut fields = |kind: &str, all: &[(String, String)]| {
            for (name, value) in all {
                let value = hidden.value(last_part(name), value);
                lines.push(format!("  {kind:<9}{} = {value}", hidden.shown(name)));
            }
        };
        fields("query", &self.query);
        match &self.body {
            Some((kind, all)) => fields(kind, all),
            None if self.body_bytes > 0 => {
                lines.push(format!("  body     {}", counted(self.body_bytes, "byte", "bytes")));
            }
            None => {}
        }
        lines
    }
}

/// A field's name in a path of them.
fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn is_plain_header(name: &str) -> bool {
    let name = name.to_lowercase();
    matches!(name.as_str(), "accept" | "content-type" | "user-agent") || name.ends_with("version")
}

/// Of what authorises only its scheme is shown.
fn header(name: &str, value: &str, hidden: &Hidden) -> String {
    if is_plain_header(name) {
        return hidden.shown(value);
    }
    let scheme = value.split_once(' ').map(|(scheme, _)| scheme);
    match scheme.filter(|_| name.eq_ignore_ascii_case("authorization")) {
        Some(scheme) => format!("{} {HIDDEN}", hidden.shown(scheme)),
        None => HIDDEN.to_owned(),
    }
}

fn answered(answer: &SeenAnswer, body: Option<&Value>, hidden: &Hidden) -> Vec<String> {
    let kind = match body {
        Some(_) => "JSON".to_owned(),
        None if answer.body.is_empty() => "an empty body".to_owned(),
        None => {
            let bytes = counted(answer.body.len(), "byte that is", "bytes that are");
            format!("{bytes} not JSON ({})", hidden.shown(&answer.content_type))
        }
    };
    let mut lines = vec![format!("  answer   {} with {kind}", answer.status)];
    let all = body.map(leaves).unwrap_or_default();
    for (pointer, leaf) in all.iter().take(MOST_FIELDS) {
        lines.push(format!(
            "           {:<28} {}",
            hidden.shown(pointer),
            value(pointer, leaf, answer.status, hidden)
        ));
    }
    if all.len() > MOST_FIELDS {
        lines.push(format!("           and {} more", all.len() - MOST_FIELDS));
    }
    lines
}

/// Texts of a success may be secret or somebody's own; a refusal must be read to be understood.
fn value(pointer: &str, leaf: &Value, status: u16, hidden: &Hidden) -> String {
    match leaf {
        Value::String(text) if is_harmless(last_part(pointer)) || status >= 400 => hidden.shown(text),
        Value::String(text) => {
            format!("{HIDDEN}, {}", counted(text.chars().count(), "character", "characters"))
        }
        Value::Array(_) => "an empty list".to_owned(),
        Value::Object(_) => "an empty object".to_owned(),
        other => other.to_string(),
    }
}

fn of_leaf((pointer, leaf): (String, Value)) -> (String, String) {
    let text = leaf.as_str().map(str::to_owned);
    (pointer, text.unwrap_or_else(|| leaf.to_string()))
}

/// What has no parts, by its JSON pointer: of a list the first item alone.
fn leaves(value: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    collect(String::new(), value, &mut found);
    found
}

fn collect(pointer: String, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(format!("{pointer}/{name}"), value, found);
            }
        }
        Value::Array(items) if !items.is_empty() => collect(format!("{pointer}/0"), &items[0], found),
        leaf => found.push((pointer, leaf.clone())),
    }
}

/// As the server reads it.
fn parsed(bytes: &[u8]) -> Option<Value> {
    panora_signature::intake::parse_lenient(bytes).ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;

    use super::*;

    fn exchange(status: u16, body: &'static str) -> Sighting {
        let request = HttpRequest {
            method: Method::POST,
            url: Url::parse("https://x.test/bot-sesame-sesame/token?limit=1&sign=0123456789").expect("a URL"),
            headers: vec![
                ("Authorization".into(), "Basic b25lOnR3bw==".into()),
                ("X-Key".into(), "sesame-sesame".into()),
                ("X-Api-Version".into(), "2".into()),
            ],
            signing: None,
            body: Some(br#"{"grant_type":"code","who":{"pin":"987654321"}}"#.to_vec()),
        };
        let answer = SeenAnswer {
            status,
            content_type: "application/json".into(),
            body: Bytes::from_static(body.as_bytes()),
        };
        Sighting::Exchange(Box::new(Exchange { request, answer: Ok(answer) }))
    }

    #[test]
    fn a_success_is_shown_by_its_shape() {
        let seen = exchange(
            200,
            r#"{"access_token":"open-open","expires_in":60,"scope":"a b","sites":[{"id":"7"},{"id":"8"}]}"#,
        );
        insta::assert_snapshot!(lines(&seen, &mut Hidden::default()).join("\n"), @r"
        POST https://x.test/bot-[hidden]/token
          header   Authorization: Basic [hidden]
          header   X-Key: [hidden]
          header   X-Api-Version: 2
          query    limit = 1
          query    sign = [hidden]
          JSON     /grant_type = code
          JSON     /who/pin = [hidden]
          answer   200 with JSON
                   /access_token                [hidden], 9 characters
                   /expires_in                  60
                   /scope                       a b
                   /sites/0/id                  [hidden], 1 character
        ");
    }

    #[test]
    fn a_refusal_is_shown_in_its_own_words_but_for_what_was_sent() {
        let seen = exchange(400, r#"{"error":{"message":"pin 987654321 of b25lOnR3bw== is wrong"}}"#);
        let shown = lines(&seen, &mut Hidden::default()).join("\n");
        assert!(shown.contains("pin [hidden] of [hidden] is wrong"), "{shown}");
    }

    #[test]
    fn no_answer_and_a_web_page_are_told_apart() {
        let seen = exchange(502, "<p>tea</p>");
        let shown = lines(&seen, &mut Hidden::default()).join("\n");
        assert!(shown.contains("502 with 10 bytes that are not JSON"), "{shown}");
    }
}
