//! Reading the token endpoint's answer (RFC 6749, sections 5.1 and 5.2) wherever a provider puts things. No error
//! from here holds anything of the answer but a cleaned error code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::file::{Answer, Expiry, Source, Token};
use crate::provider::Provider;
use crate::values::{Variables, scalar};

/// The longest token, in bytes.
pub(crate) const LONGEST_TOKEN: usize = 16 * 1024;
/// The longest variable, in characters.
const LONGEST_TEXT: usize = 2_048;
/// A hundred years in milliseconds: what lives longer, or says so, is not a date that anybody reads.
pub(crate) const LONGEST_LIFE_MS: i64 = 100 * 366 * 86_400_000;
/// As many scopes as are kept of one grant.
const MOST_SCOPES: usize = 256;

/// What the provider granted.
#[derive(Clone, Debug)]
pub struct Grant {
    pub access_token: SecretString,
    /// After a refresh, none means that the old one stays good.
    pub refresh_token: Option<SecretString>,
    /// What calls are signed with, of OAuth 1.0a.
    pub token_secret: Option<SecretString>,
    /// Unix time in milliseconds; none where the token does not expire or nobody says when.
    pub expires_at_ms: Option<i64>,
    /// None where the provider does not say.
    pub scopes: Option<Vec<String>>,
    /// Variables that this answer gave.
    pub kept: Variables,
}

/// The answer holds no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider refused: {error}")]
pub struct TokenRefusal {
    /// The OAuth error code, cleaned and cut; `http_<status>` where there is none.
    pub error: String,
    pub kind: RefusalKind,
}

/// What a refusal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The grant is gone: only the person can help, by authorising again.
    GrantLost,
    /// The OAuth client is set up wrongly: only the integrator can help.
    ClientRefused,
    /// The provider has trouble: the same request may work later.
    TryLater,
    /// An answer that makes no sense, or names a host that the file does not allow.
    Unusable,
}

impl TokenRefusal {
    /// Whether the same request can never work again.
    pub fn permanent(&self) -> bool {
        self.kind == RefusalKind::GrantLost
    }
}

impl Provider {
    /// Reads the answer to an exchange or a refresh. `body` is `Value::Null` where it was no JSON; `at_ms` is the
    /// time of the answer, Unix milliseconds.
    pub fn read_token_answer(&self, status: u16, body: &Value, at_ms: i64) -> Result<Grant, TokenRefusal> {
        let Some(token) = &self.file.token else {
            return Err(TokenRefusal { error: "not_oauth".to_owned(), kind: RefusalKind::Unusable });
        };
        let found =
            token.answers.iter().find_map(|answer| Some((answer, text(body, answer.access_token.as_str())?)));
        let (answer, access_token) = match found {
            Some(found) if (200..300).contains(&status) => found,
            _ => {
                let mut refusal = refusal(token, status, body);
                // The client is the person's own.
                if self.file.auth.logs_in() && refusal.kind == RefusalKind::ClientRefused {
                    refusal.kind = RefusalKind::GrantLost;
                }
                return Err(refusal);
            }
        };
        let refresh_token = text(body, answer.refresh_token.as_str());
        if access_token.len().max(refresh_token.map_or(0, str::len)) > LONGEST_TOKEN {
            return Err(TokenRefusal { error: "token_too_long".to_owned(), kind: RefusalKind::Unusable });
        }
        let claims = claims(access_token);
        let mut kept = self.keep(body, |source| match source {
            Source::Token(pointer) => Some(pointer.as_str()),
            _ => None,
        })?;
        kept.extend(self.keep(&claims, |source| match source {
            Source::Claim(pointer) => Some(pointer.as_str()),
            _ => None,
        })?);
        Ok(Grant {
            access_token: SecretString::from(access_token),
            refresh_token: refresh_token.map(SecretString::from),
            token_secret: None,
            expires_at_ms: expires_at_ms(&answer.expires, (body, &claims), at_ms)
                .map(|at| at.clamp(0, at_ms + LONGEST_LIFE_MS)),
            scopes: scopes(answer, body),
            kept,
        })
    }

    /// The variables that an answer gives, each checked against what the file allows. One that is missing is left
    /// out: a refresh need not repeat what the exchange said.
    pub(crate) fn keep(
        &self,
        body: &Value,
        pointer: impl Fn(&Source) -> Option<&str>,
    ) -> Result<Variables, TokenRefusal> {
        let mut kept = Variables::new();
        for variable in self.file.variables.iter().map(|variable| &variable.value) {
            let found = pointer(&variable.from).and_then(|pointer| body.pointer(pointer)).and_then(scalar);
            let Some(value) = found.map(|value| variable.tidy(&value)) else { continue };
            if !variable.accepts(&value) || value.chars().count() > LONGEST_TEXT {
                return Err(TokenRefusal {
                    error: "value_not_allowed".to_owned(),
                    kind: RefusalKind::Unusable,
                });
            }
            kept.insert(variable.name.clone(), value);
        }
        Ok(kept)
    }
}

pub(crate) fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// What a JWT says (RFC 7519, section 7.2), for the provider that signed it is who is asked with it anyway;
/// null where the token is none.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

pub(crate) fn expires_at_ms(expiry: &Expiry, (body, claims): (&Value, &Value), at_ms: i64) -> Option<i64> {
    let number = |value: Option<&Value>| {
        let value = value?;
        // Some providers write numbers as texts, or with a fraction.
        let whole = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        #[allow(clippy::cast_possible_truncation)] // saturates, and no lifetime comes near
        whole.or_else(|| value.as_f64().map(|float| float as i64))
    };
    match expiry {
        Expiry::In(pointer) => {
            Some(at_ms.saturating_add(number(body.pointer(pointer.as_str()))?.max(0).saturating_mul(1_000)))
        }
        Expiry::AtSeconds(pointer) => Some(number(body.pointer(pointer.as_str()))?.saturating_mul(1_000)),
        Expiry::AtMilliseconds(pointer) => number(body.pointer(pointer.as_str())),
        Expiry::Jwt(claim) => Some(number(claims.get(claim))?.saturating_mul(1_000)),
        Expiry::AtText(pointer) => {
            text(body, pointer.as_str())?.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
        }
        Expiry::Lifetime(seconds) => Some(at_ms.saturating_add(i64::from(*seconds) * 1_000)),
        Expiry::Never => None,
    }
}

fn scopes(answer: &Answer, body: &Value) -> Option<Vec<String>> {
    let list: Vec<String> = match body.pointer(answer.scope.as_str())? {
        Value::String(text) => {
            text.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
        }
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => return None,
    };
    Some(list.into_iter().take(MOST_SCOPES).collect())
}

fn refusal(token: &Token, status: u16, body: &Value) -> TokenRefusal {
    let code = error_code(body, token.error.as_str());
    let named = code.as_deref().unwrap_or_default();
    let kind = if named == "invalid_grant" || token.permanent_errors.iter().any(|error| error == named) {
        RefusalKind::GrantLost
    } else if is_trouble(status) || matches!(named, "temporarily_unavailable" | "server_error") {
        RefusalKind::TryLater
    } else if matches!(named, "invalid_client" | "unauthorized_client") || status == 401 {
        RefusalKind::ClientRefused
    } else {
        RefusalKind::Unusable
    };
    TokenRefusal { error: code.unwrap_or_else(|| format!("http_{status}")), kind }
}

/// Statuses after which the same request may work later.
pub(crate) fn is_trouble(status: u16) -> bool {
    status >= 500 || matches!(status, 408 | 425 | 429)
}

/// The error code of an answer, where it looks like one: anything else could hold a secret.
pub(crate) fn error_code(body: &Value, pointer: &str) -> Option<String> {
    let code = text(body, pointer)?;
    let plain = code.len() <= 48
        && code.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.'));
    plain.then(|| code.to_owned())
}
