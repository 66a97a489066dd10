//! What a provider says when it is asked without a person: with a code that cannot be good, and as a browser without
//! an account would. Nothing here stores or changes anything.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use panora_catalog::{
    AuthorizeInput, Client, ClientAuth, ExchangeInput, HttpRequest, Provider, RefusalKind, RenderError,
    Variables, read_form,
};
use panora_outbound::{Failure as Unanswered, Limits, OutboundError, Request};
use regex::Regex;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use url::Url;

use crate::app::App;
use crate::connect::{headers, stamp};
use crate::model::{ProjectId, Time, retry_after};

const LIMITS: Limits =
    Limits { deadline: Duration::from_secs(10), max_body: 64 * 1024, body_time: Duration::from_secs(5) };

/// Who is asked, and on whose behalf.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub project: ProjectId,
    pub provider: &'a Provider,
    pub client: &'a Client,
    pub scopes: &'a [String],
    pub variables: &'a Variables,
    pub redirect_uri: &'a str,
}

/// What an answer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The client is known: what was wrong is what had to be.
    ClientKnown,
    /// The client is not, by that error.
    ClientRefused(String),
    /// It is, if authenticated so.
    ClientAuth(ClientAuth),
    RedirectUriRefused(String),
    ScopeRefused(String),
    /// 429, with how long to wait.
    RateLimited(Option<Duration>),
    /// That status, of 500 or above.
    Trouble(u16),
    Unreachable(OutboundError),
    /// Its address is our own public URL, and nothing answers there.
    ServerSilent(OutboundError),
    /// Neither good nor bad; what it was.
    Nothing(String),
    /// A value is needed that only an account has.
    NotAsked(String),
}

/// An answer, and the provider's clock if it said the time.
#[derive(Clone, Debug)]
pub struct Probe {
    pub said: Said,
    /// Who was asked; none where nobody was.
    pub host: Option<String>,
    /// Milliseconds that the provider's clock is ahead of ours.
    pub skew_ms: Option<i64>,
}

struct Heard {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    skew_ms: Option<i64>,
}

/// Asks the token endpoint with a code that cannot be good. If it does not know the client, other ways to prove it are tried.
pub async fn token_endpoint(app: &App, asked: Asked<'_>) -> Probe {
    let first = exchange(app, asked, asked.provider).await;
    let declared = asked.provider.client_auth();
    if !matches!(first.said, Said::ClientRefused(_)) || asked.client.secret.is_none() {
        return first;
    }
    for auth in [ClientAuth::Basic, ClientAuth::Body].into_iter().filter(|auth| Some(*auth) != declared) {
        let other = exchange(app, asked, &asked.provider.with_client_auth(auth)).await;
        if matches!(other.said, Said::ClientKnown | Said::RedirectUriRefused(_)) {
            return Probe { said: Said::ClientAuth(auth), ..first };
        }
    }
    first
}

/// Asks for temporary credentials, which nobody will use: that takes a client that is known, and a callback (RFC 5849,
/// section 2.1).
pub async fn request_token(app: &App, asked: Asked<'_>) -> Probe {
    let request = asked.provider.request_token_request(asked.client, asked.redirect_uri, asked.variables);
    probe(app, asked.project, request, |heard| of_request_token(app, asked.provider, heard)).await
}

fn of_request_token(app: &App, provider: &Provider, heard: &Heard) -> Said {
    let Err(refusal) = provider.read_request_token(heard.status, &read_form(&heard.body)) else {
        return Said::ClientKnown;
    };
    if let Some(said) = of_status(app, heard) {
        return said;
    }
    let speaks_of_callback =
        || String::from_utf8_lossy(&heard.body).to_ascii_lowercase().contains("callback");
    match refusal.kind {
        RefusalKind::ClientRefused if speaks_of_callback() => Said::RedirectUriRefused(refusal.error),
        RefusalKind::ClientRefused => Said::ClientRefused(refusal.error),
        _ => Said::Nothing(refusal.error),
    }
}

async fn exchange(app: &App, asked: Asked<'_>, provider: &Provider) -> Probe {
    let code = SecretString::from(format!("panora-doctor-{}", app.random.base62(24)));
    let verifier = SecretString::from(app.random.base62(43));
    let request = provider.code_exchange(&ExchangeInput {
        client: asked.client,
        code: &code,
        code_verifier: provider.uses_pkce().then_some(&verifier),
        redirect_uri: asked.redirect_uri,
        scopes: asked.scopes,
        variables: asked.variables,
    });
    probe(app, asked.project, request, |heard| of_token_answer(app, provider, heard)).await
}

fn of_token_answer(app: &App, provider: &Provider, heard: &Heard) -> Said {
    let body = panora_signature::intake::parse_lenient(&heard.body).unwrap_or_default();
    let read = provider.read_token_answer(heard.status, &body, app.clock.now().millis());
    let Err(refusal) = read else {
        return Said::Nothing("tokens for a code that cannot be good".to_owned());
    };
    if let Some(said) = of_status(app, heard) {
        return said;
    }
    let (error, code) = (refusal.error.clone(), refusal.error.to_ascii_lowercase());
    let speaks_of = |word: &str| code.contains(word) && !code.contains("unsupported");
    if speaks_of("redirect") {
        Said::RedirectUriRefused(error)
    } else if refusal.kind == RefusalKind::ClientRefused || speaks_of("client") {
        Said::ClientRefused(error)
    } else if refusal.kind == RefusalKind::GrantLost || speaks_of("code") || speaks_of("grant") {
        Said::ClientKnown
    } else {
        Said::Nothing(error)
    }
}

fn of_status(app: &App, heard: &Heard) -> Option<Said> {
    match heard.status {
        429 => {
            let wait = heard.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            Some(Said::RateLimited(wait.and_then(|text| retry_after(text, app.clock.now()))))
        }
        500.. => Some(Said::Trouble(heard.status)),
        _ => None,
    }
}

/// Opens the authorization URL as a browser without an account would, and goes nowhere from there.
pub async fn authorization_endpoint(app: &App, asked: Asked<'_>) -> Probe {
    let state = app.random.base62(43);
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(app.random.base62(43)));
    let url = asked.provider.authorization_url(&AuthorizeInput {
        client_id: &asked.client.id,
        redirect_uri: asked.redirect_uri,
        state: &state,
        code_challenge: asked.provider.uses_pkce().then_some(challenge.as_str()),
        scopes: asked.scopes,
        variables: asked.variables,
    });
    let said = |heard: &Heard| of_status(app, heard).unwrap_or_else(|| of_page(asked.redirect_uri, heard));
    probe(app, asked.project, url.map(get), said).await
}

/// Opens the API's base URL, without any credential.
pub async fn api(app: &App, project: ProjectId, url: Result<Url, RenderError>) -> Probe {
    let said = |heard: &Heard| {
        of_status(app, heard).unwrap_or_else(|| Said::Nothing(format!("status {}", heard.status)))
    };
    probe(app, project, url.map(get), said).await
}

/// Sends a request, if the file gives one, and reads what is heard.
async fn probe(
    app: &App,
    project: ProjectId,
    request: Result<HttpRequest, RenderError>,
    read: impl FnOnce(&Heard) -> Said,
) -> Probe {
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            return Probe { said: Said::NotAsked(error.to_string()), host: None, skew_ms: None };
        }
    };
    let host = request.url.host_str().map(str::to_owned);
    let is_ours = request.url.origin() == app.public_url.url().origin();
    match send(app, project, request).await {
        Ok(heard) => Probe { said: read(&heard), host, skew_ms: heard.skew_ms },
        Err(it) if is_ours => Probe { said: Said::ServerSilent(it.error), host, skew_ms: None },
        Err(unanswered) => Probe { said: Said::Unreachable(unanswered.error), host, skew_ms: None },
    }
}

fn get(url: Url) -> HttpRequest {
    let accept = vec![("Accept".to_owned(), "text/html, application/json;q=0.9, */*;q=0.8".to_owned())];
    HttpRequest { method: Method::GET, url, headers: accept, body: None, signing: None }
}

/// Where a redirect leads, or what an error page says. A page of any other kind asks somebody to sign in.
fn of_page(redirect_uri: &str, heard: &Heard) -> Said {
    let location = heard.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    if let Some(back) = location.filter(|it| it.starts_with(redirect_uri)) {
        // RFC 6749, section 4.1.2.1: whoever sends errors there takes the redirect URI for good.
        return of_error_sent_back(back);
    }
    let text = match (heard.status, location) {
        (300..=399, Some(location)) => decoded(location),
        (400..=499, _) => String::from_utf8_lossy(&heard.body).into_owned(),
        _ => return Said::Nothing("a page".to_owned()),
    };
    if REDIRECT_REFUSED.is_match(&text) {
        Said::RedirectUriRefused("the page says so".to_owned())
    } else if CLIENT_REFUSED.is_match(&text) {
        Said::ClientRefused("the page says so".to_owned())
    } else if SCOPE_REFUSED.is_match(&text) {
        Said::ScopeRefused("the page says so".to_owned())
    } else {
        Said::Nothing(format!("status {}", heard.status))
    }
}

fn of_error_sent_back(back: &str) -> Said {
    let query = Url::parse(back).ok();
    let error = query.as_ref().and_then(|url| url.query_pairs().find(|(name, _)| name == "error"));
    match error.as_ref().map(|(_, error)| error.as_ref()) {
        Some("invalid_scope") => Said::ScopeRefused("invalid_scope".to_owned()),
        Some(error @ ("unauthorized_client" | "invalid_client")) => Said::ClientRefused(error.to_owned()),
        _ => Said::Nothing("sent back at once".to_owned()),
    }
}

static REDIRECT_REFUSED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)redirect[ _-]?ur[il][^<>{}]{0,80}?(mismatch|not match|n't match|not registered|unregistered|not allowed|invalid|not valid)|(mismatch|mismatching|invalid|unregistered|unknown)[ _-]redirect[ _-]?ur[il]",
    )
});
static CLIENT_REFUSED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)invalid_client|unauthorized_client|(invalid|unknown) client|client( not found| is unknown)",
    )
});
static SCOPE_REFUSED: LazyLock<Regex> = LazyLock::new(|| compiled(r"(?i)invalid_scope|invalid scope"));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant that a test has compiled")
}

/// A redirect's parameters but those that repeat our own, as they are and out of base64: some providers carry the error so.
fn decoded(location: &str) -> String {
    let query = location.split_once('?').map_or("", |(_, query)| query);
    let mut text = String::new();
    for (_, value) in
        url::form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.contains("://"))
    {
        let plain = value.trim_end_matches('=');
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(plain).or_else(|_| BASE64_STANDARD_NO_PAD.decode(plain));
        text.push_str(&value);
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&bytes.unwrap_or_default()));
        text.push('\n');
    }
    text
}

async fn send(app: &App, project: ProjectId, request: HttpRequest) -> Result<Heard, Unanswered> {
    let (project, began) = (project.to_string(), app.clock.now());
    let request = request.signed(&stamp(app));
    let answer = app
        .outbound
        .send(Request {
            project: &project,
            method: request.method,
            url: &request.url,
            headers: headers(&request.headers),
            body: Bytes::from(request.body.unwrap_or_default()),
            limits: LIMITS,
        })
        .await?;
    let took = answer.trace.first_byte.unwrap_or_default();
    let skew_ms = skew(&answer.headers, began.plus(took));
    Ok(Heard { status: answer.status.as_u16(), headers: answer.headers, body: answer.body, skew_ms })
}

/// How far a provider's clock is ahead of `now`, when its headers arrived. What a cache had kept says nothing.
fn skew(headers: &HeaderMap, now: Time) -> Option<i64> {
    if headers.contains_key(header::AGE) {
        return None;
    }
    let date = httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()?;
    let millis = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    // A date has no fractions of a second: half of one is the likeliest.
    Some(Time::from_millis(i64::try_from(millis).ok()? + 500).millis_since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://panora.example.com/connections/oauth/callback";

    fn said(status: u16, location: Option<&str>, body: &'static str) -> Said {
        let mut headers = HeaderMap::new();
        if let Some(location) = location {
            headers.insert(header::LOCATION, location.parse().unwrap());
        }
        of_page(OURS, &Heard { status, headers, body: Bytes::from_static(body.as_bytes()), skew_ms: None })
    }

    #[test]
    fn an_error_page_that_speaks_of_the_redirect_uri_refuses_it() {
        for body in [
            r#"{"error":"invalid_redirect_uri"}"#,
            "<p>The redirect_uri did not match any of the client's registered ones</p>",
            "<h1>Error 400: redirect_uri_mismatch</h1>",
            "Invalid redirect URI",
            "The redirect URL is not registered for this app.",
        ] {
            assert!(matches!(said(400, None, body), Said::RedirectUriRefused(_)), "{body}");
        }
    }

    #[test]
    fn a_redirect_may_carry_the_error_in_base64() {
        let error = "https://accounts.example.com/error?authError=ChVyZWRpcmVjdF91cmlfbWlzbWF0Y2gSsAE%3D";
        assert!(matches!(said(302, Some(error), ""), Said::RedirectUriRefused(_)));
    }

    #[test]
    fn a_login_page_that_repeats_our_request_refuses_nothing() {
        let login = format!(
            "https://login.example.com/?continue=https%3A%2F%2Flogin.example.com%2Fauthorize%3Fredirect_uri%3D{OURS}%26x%3Dinvalid"
        );
        assert!(matches!(said(302, Some(&login), ""), Said::Nothing(_)));
        let page = "<form>redirect_uri: invalid is a word in this script</form>";
        assert!(matches!(said(200, None, page), Said::Nothing(_)));
    }

    #[test]
    fn an_error_sent_to_our_callback_takes_the_redirect_uri_for_good() {
        let back = |error: &str| said(302, Some(&format!("{OURS}?error={error}&state=x")), "");
        assert_eq!(back("invalid_scope"), Said::ScopeRefused("invalid_scope".into()));
        assert_eq!(back("unauthorized_client"), Said::ClientRefused("unauthorized_client".into()));
        assert!(matches!(back("login_required"), Said::Nothing(_)));
    }

    #[test]
    fn an_unknown_client_is_told_from_a_wrong_redirect_uri() {
        assert!(matches!(said(401, None, r#"{"error":"invalid_client"}"#), Said::ClientRefused(_)));
        assert!(matches!(said(400, None, "Unknown client"), Said::ClientRefused(_)));
    }

    #[test]
    fn a_date_out_of_a_cache_says_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(header::DATE, "Thu, 01 Jan 1970 00:10:00 GMT".parse().unwrap());
        assert_eq!(skew(&headers, Time::from_millis(0)), Some(600_500));
        headers.insert(header::AGE, "30".parse().unwrap());
        assert_eq!(skew(&headers, Time::from_millis(0)), None);
    }
}
