//! What an endpoint's fields may hold.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue};
use panora_outbound::Refusal;
use url::Url;

use crate::app::App;
use crate::http::problem::Problem;
use crate::model::{ProjectId, RetrySchedule, ScopeError};

pub fn check_rate(pointer: &str, rate: i64) -> Result<u32, Problem> {
    let words = "From 1 to 10,000 deliveries a second.";
    u32::try_from(rate)
        .ok()
        .filter(|rate| (1..=10_000).contains(rate))
        .ok_or_else(|| Problem::field(pointer, words))
}

pub fn scope_problem(pointer: &str, error: &ScopeError) -> Problem {
    let pointer = match error {
        ScopeError::Empty => pointer.to_owned(),
        ScopeError::Unknown { index, .. } => format!("{pointer}/{index}"),
    };
    Problem::field(pointer, error.to_string())
}

pub fn check_schedule(gaps: Vec<i64>) -> Result<RetrySchedule, Problem> {
    let seconds: Option<Vec<u32>> = gaps.into_iter().map(|gap| u32::try_from(gap).ok()).collect();
    let words = "From 0 to 20 whole seconds of 1 to 86,400.";
    seconds.and_then(RetrySchedule::new).ok_or_else(|| Problem::field("/retry_schedule", words))
}

pub async fn check_url(app: &App, project: ProjectId, text: &str) -> Result<(), Problem> {
    // A URL's reader forgives these; what is stored and shown would keep them.
    if text.chars().any(|it| it.is_whitespace() || it.is_control()) {
        return Err(Problem::field("/url", "Must not contain blanks."));
    }
    let url = Url::parse(text).map_err(|_| Problem::field("/url", "Not an absolute URL."))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Problem::field("/url", "Must begin with https://."));
    }
    if url.fragment().is_some() {
        return Err(Problem::field("/url", "Leave out the fragment."));
    }
    app.outbound.check_endpoint(&url, &project.to_string()).await.map_err(|refusal| match refusal {
        Refusal::AddressNotAllowed => Problem::impossible(refusal.code(), "/url", sentence(refusal)),
        _ => Problem::field("/url", sentence(refusal)),
    })
}

fn sentence(refusal: Refusal) -> String {
    let words = refusal.to_string();
    words[..1].to_uppercase() + &words[1..] + "."
}

pub fn check_headers(headers: BTreeMap<String, String>) -> Result<Vec<(String, String)>, Problem> {
    const HOP_BY_HOP: [&str; 8] = [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    if headers.len() > 20 {
        return Err(Problem::field("/headers", "At most 20 headers."));
    }
    let mut checked: Vec<(String, String)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        let lower = name.to_ascii_lowercase();
        let ours = matches!(lower.as_str(), "host" | "expect")
            || lower == "user-agent"
            || ["content-", "webhook-", "panora-"].iter().any(|prefix| lower.starts_with(prefix))
            || HOP_BY_HOP.contains(&lower.as_str());
        if ours {
            return Err(Problem::field(pointer, "This header is not yours to set."));
        }
        if HeaderName::from_bytes(lower.as_bytes()).is_err() || HeaderValue::from_str(&value).is_err() {
            return Err(Problem::field(pointer, "Not a header that HTTP can carry."));
        }
        if checked.iter().any(|(known, _)| *known == lower) {
            return Err(Problem::field(pointer, "Named twice."));
        }
        checked.push((lower, value));
    }
    Ok(checked)
}
