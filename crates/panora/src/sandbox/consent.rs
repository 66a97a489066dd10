//! The consent page: sign-in and permission in one (RFC 6749, section 4.1.1). It sends nobody anywhere but to the
//! one redirect address that its client registered.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use panora_pages::{
    Frame, SandboxAccount, SandboxConsentPage, SandboxErrorPage, SandboxScope, SandboxTrouble,
};
use sha2::Sha256;
use url::Url;

use super::accounts::{ACCOUNTS, Account};
use super::fields::Fields;
use super::quirk::{self, Quirk};
use super::{APP, APP_SECRET, BY_APP, CLIENT_ID, CLIENT_NAME, REDIRECT_PATH, SCOPES, WRITE};
use crate::app::App;
use crate::model::SandboxToken;
use crate::store::{SandboxGrant, StoreError};

const PATH: &str = "/sandbox/oauth/authorize";

/// What the client asks for.
struct Request {
    /// The id of one of the two apps.
    client: &'static str,
    quirks: Vec<Quirk>,
    redirect_uri: Url,
    state: Option<String>,
    scopes: Vec<String>,
    code_challenge: Option<String>,
}

/// A request that cannot go on.
enum Refused {
    /// The person stays: there is no address that we may send them to.
    Here(&'static str, &'static str),
    /// The client is told.
    Back(Url),
}

/// `GET /sandbox/oauth/authorize`.
pub async fn ask(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    match Request::read(&app, &fields, fields.one("scope")) {
        Ok(request) => Html(request.page().render()).into_response(),
        Err(refused) => refused.into_response(),
    }
}

/// `POST /sandbox/oauth/authorize`: the page's form, or a test's.
pub async fn decide(State(app): State<App>, body: Bytes) -> Response {
    let fields = Fields::parse(&body);
    match answer(&app, &fields).await {
        Ok(response) => response,
        Err(refused) => refused.into_response(),
    }
}

async fn answer(app: &App, fields: &Fields) -> Result<Response, Refused> {
    let request = Request::read(app, fields, fields.one("asked"))?;
    let troubles: Vec<SandboxTrouble> = fields.all("trouble").filter_map(SandboxTrouble::from_code).collect();
    let account = fields.one("account").and_then(Account::find);
    let account = account.ok_or(Refused::Here("invalid_request", "Choose one of the accounts."))?;
    let scopes = request.granted(fields, &troubles);
    let allowed = fields.one("decision") == Some("allow") && !troubles.contains(&SandboxTrouble::Deny);
    if !allowed || scopes.is_empty() {
        return Ok(leave(&request.failed("access_denied"), &troubles));
    }
    let grant = SandboxGrant {
        id: app.random.uuid(app.clock.now()),
        account: account.id.to_owned(),
        scopes,
        troubles: request.played(&troubles),
        redirect_uri: request.redirect_uri.to_string(),
        code_challenge: request.code_challenge.clone(),
        code_used_at: None,
        access_expires_at: None,
        created_at: app.clock.now(),
        revoked_at: None,
    };
    let code = SandboxToken::generate(&app.random);
    app.store.add_sandbox_grant(&grant, code.hash()).await.map_err(|error| request.broken(&error))?;
    let name = if request.quirks.contains(&Quirk::AuthCode) { "auth_code" } else { "code" };
    Ok(leave(&request.back(&[(name, code.expose())]), &troubles))
}

impl Request {
    /// `scope` is given apart: the form's own field of this name holds what the person ticked.
    fn read(app: &App, fields: &Fields, scope: Option<&str>) -> Result<Self, Refused> {
        let client = [CLIENT_ID, APP].into_iter().find(|id| fields.one("client_id") == Some(id));
        let client = client
            .ok_or(Refused::Here("unauthorized_client", "The clients are `sandbox` and `sandbox-app`."))?;
        let quirks = quirk::read(fields.one("play"));
        let quirks = quirks.map_err(|_| Refused::Here("invalid_request", "`play` names no known quirk."))?;
        let registered = app.public_url.join(REDIRECT_PATH);
        if fields.one("redirect_uri") != Some(registered.as_str()) {
            return Err(Refused::Here(
                "invalid_request",
                "`redirect_uri` is not the one that the client registered.",
            ));
        }
        let redirect_uri = Url::parse(&registered);
        let redirect_uri =
            redirect_uri.map_err(|_| Refused::Here("server_error", "The public URL is no URL."))?;
        let scopes = match scope {
            Some(text) => text.split_ascii_whitespace().map(ToOwned::to_owned).collect(),
            None => SCOPES.map(|(name, _)| name.to_owned()).to_vec(),
        };
        let code_challenge = fields.one("code_challenge").map(ToOwned::to_owned);
        let state = fields.one("state").map(ToOwned::to_owned);
        Self { client, quirks, redirect_uri, state, scopes, code_challenge }.checked(fields)
    }

    fn checked(self, fields: &Fields) -> Result<Self, Refused> {
        let known = |scope: &String| SCOPES.iter().any(|(name, _)| name == scope);
        let error = if fields.one("response_type") != Some("code") {
            "unsupported_response_type"
        } else if self.code_challenge.is_some() && fields.one("code_challenge_method") != Some("S256") {
            "invalid_request"
        } else if self.scopes.is_empty() || !self.scopes.iter().all(known) {
            "invalid_scope"
        } else {
            return Ok(self);
        };
        Err(Refused::Back(self.failed(error)))
    }

    /// What was asked for and ticked, in the order of the request, less what the troubles take away.
    fn granted(&self, fields: &Fields, troubles: &[SandboxTrouble]) -> Vec<String> {
        let ticked = self.scopes.iter().filter(|scope| fields.all("scope").any(|it| it == scope.as_str()));
        let partial = troubles.contains(&SandboxTrouble::PartialScopes);
        ticked.filter(|scope| !partial || scope.as_str() != WRITE).cloned().collect()
    }

    /// The codes of all that goes otherwise than it should, as the grant keeps them.
    fn played(&self, troubles: &[SandboxTrouble]) -> Vec<String> {
        let troubles = troubles.iter().map(|trouble| trouble.code());
        let quirks = self.quirks.iter().map(|quirk| quirk.code());
        let by_app = Some(BY_APP).filter(|_| self.client == APP);
        troubles.chain(quirks).chain(by_app).map(str::to_owned).collect()
    }

    fn page(&self) -> SandboxConsentPage {
        let asked = self.scopes.join(" ");
        let play = self.quirks.iter().map(|quirk| quirk.code()).collect::<Vec<_>>().join(" ");
        let mut hidden = vec![
            ("response_type", "code"),
            ("client_id", self.client),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("asked", &asked),
        ];
        hidden.extend((!play.is_empty()).then_some(("play", play.as_str())));
        hidden.extend(self.state.as_deref().map(|state| ("state", state)));
        if let Some(challenge) = &self.code_challenge {
            hidden.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
        }
        SandboxConsentPage {
            frame: Frame::default(),
            app_name: CLIENT_NAME.to_owned(),
            accounts: ACCOUNTS.iter().map(shown_account).collect(),
            scopes: SCOPES
                .iter()
                .filter(|(name, _)| self.scopes.iter().any(|it| it == name))
                .map(shown_scope)
                .collect(),
            action: PATH.to_owned(),
            hidden: hidden.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    /// The redirect address with these parameters, the client's `state`, and who we are (RFC 9207).
    fn back(&self, parameters: &[(&str, &str)]) -> Url {
        let mut url = self.redirect_uri.clone();
        let issuer = url.join("/sandbox").map_or_else(|_| String::new(), String::from);
        url.query_pairs_mut()
            .extend_pairs(parameters)
            .append_pair("iss", &issuer)
            .extend_pairs(self.state.iter().map(|state| ("state", state)));
        if self.quirks.contains(&Quirk::Signed) {
            let signature = signature_of(&url);
            url.query_pairs_mut().append_pair("hmac", &signature);
        }
        url
    }

    fn failed(&self, error: &str) -> Url {
        self.back(&[("error", error)])
    }

    fn broken(&self, error: &StoreError) -> Refused {
        tracing::error!(code = error.code(), error = error as &dyn std::error::Error, "storage failed");
        Refused::Back(self.failed("server_error"))
    }
}

/// By the app's secret, over the parameters sorted by name.
fn signature_of(url: &Url) -> String {
    let pairs: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).expect("a key of any length will do");
    hex::encode(mac.chain_update(text).finalize().into_bytes())
}

fn shown_account(account: &Account) -> SandboxAccount {
    SandboxAccount { id: account.id.into(), name: account.name.into(), email: account.email.into() }
}

fn shown_scope((name, description): &(&str, &str)) -> SandboxScope {
    SandboxScope { name: (*name).to_owned(), description: (*description).to_owned() }
}

/// Back to the client. A browser heeds the opener policy of a redirect as that of a page.
fn leave(url: &Url, troubles: &[SandboxTrouble]) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, url.as_str().to_owned())]).into_response();
    if troubles.contains(&SandboxTrouble::Coop) {
        let policy = HeaderName::from_static("cross-origin-opener-policy");
        response.headers_mut().insert(policy, HeaderValue::from_static("same-origin"));
    }
    response
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Back(url) => leave(&url, &[]),
            Self::Here(error, description) => {
                let (error, description) = (error.to_owned(), description.to_owned());
                let page = SandboxErrorPage { frame: Frame::default(), error, description };
                (StatusCode::BAD_REQUEST, Html(page.render())).into_response()
            }
        }
    }
}
