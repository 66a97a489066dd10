//! Asking the provider for new tokens, and reading what it says. Nothing but a clear refusal of the grant is a loss.

use std::time::Duration;

use panora_catalog::{RefusalKind, TokenRefusal};
use panora_outbound::{Failure as Unanswered, OutboundError, Stage};
use secrecy::{ExposeSecret, SecretString};

use super::{RATE_LIMITED, Refresh, RefreshError};
use crate::connect::client::app_of;
use crate::connect::credentials::{Credentials, Secret};
use crate::connect::provider_call::{ProviderAnswer, send};
use crate::model::Time;
use crate::store::LEASE;

/// A request takes at most so long; one that could outlast its lease is not sent.
const LONGEST_CALL: Duration = Duration::from_secs(30);

/// What came of it.
pub(super) enum Answered {
    Renewed(Box<Renewed>),
    /// The grant is gone.
    Lost(String),
    Later(Trouble),
}

/// What the provider has granted.
pub(super) struct Renewed {
    pub credentials: Credentials,
    pub expires_at: Option<Time>,
    /// Where it says.
    pub scopes: Option<Vec<String>>,
}

/// No tokens for now.
pub(super) struct Trouble {
    /// A code, never anything of the answer's text.
    pub error: String,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// It may have granted them nevertheless.
    pub unknown: bool,
}

impl Trouble {
    fn ours(error: impl Into<String>) -> Answered {
        Answered::Later(Self { error: error.into(), retry_after: None, unknown: false })
    }
}

/// Asks with the refresh token, or with the one before it.
pub(super) async fn ask(
    refresh: &Refresh<'_>,
    previous: Option<SecretString>,
) -> Result<Answered, RefreshError> {
    let (app, connection) = (refresh.app, &refresh.stored.connection);
    let Some(provider) = app.provider(connection.id_project, &connection.provider_slug) else {
        return Ok(Trouble::ours("unknown_provider"));
    };
    let Some((_, Some(current))) = refresh.credentials.tokens() else {
        return Ok(Trouble::ours("no_refresh_token"));
    };
    let token = previous.unwrap_or(current);
    let chosen = app_of(app, connection.id_project, &provider, connection.client_id.as_deref()).await?;
    let (client, settings) = chosen.map(|it| (it.client, it.settings)).unwrap_or_default();
    let Some(client) = client else { return Ok(Trouble::ours("client_unknown")) };
    let mut variables = refresh.credentials.variables.clone();
    variables.extend(settings);
    let Ok(request) = provider.refresh_request(&client, &token, &variables) else {
        return Ok(Trouble::ours("request_incomplete"));
    };
    if refresh.began.elapsed() + LONGEST_CALL > LEASE {
        return Ok(Trouble::ours("too_slow"));
    }
    let answer = match send(app, connection.id_project, request).await {
        Ok(answer) => answer,
        Err(unanswered) => return Ok(Answered::Later(of_silence(&unanswered))),
    };
    match provider.read_token_answer(answer.status, &answer.body, app.clock.now().millis()) {
        Ok(grant) => {
            let given = grant.refresh_token.map(|token| token.expose_secret().to_owned());
            let token = token.expose_secret().to_owned();
            let rotated = given.as_ref().is_some_and(|given| *given != token);
            let secret = Secret::Tokens {
                access: grant.access_token.expose_secret().to_owned(),
                // Without a new one the old one stays good; with one it is kept until the new one has proved so.
                previous: rotated.then(|| token.clone()),
                refresh: Some(given.unwrap_or(token)),
            };
            variables.extend(grant.kept);
            Ok(Answered::Renewed(Box::new(Renewed {
                credentials: Credentials { secret, variables },
                expires_at: grant.expires_at_ms.map(Time::from_millis),
                scopes: grant.scopes.filter(|scopes| !scopes.is_empty()),
            })))
        }
        Err(refusal) if refusal.permanent() => Ok(Answered::Lost(refusal.error)),
        Err(refusal) => Ok(Answered::Later(of_refusal(&answer, refusal))),
    }
}

fn of_silence(unanswered: &Unanswered) -> Trouble {
    let error = unanswered.error;
    // Before the request has left, nobody can have granted it.
    let unsent = matches!(
        error,
        OutboundError::Refused(_)
            | OutboundError::NameNotFound
            | OutboundError::ConnectFailed(_)
            | OutboundError::TlsFailed(_)
            | OutboundError::TimedOut(Stage::NameLookup | Stage::Connect | Stage::Tls)
    );
    Trouble { error: error.code().to_owned(), retry_after: None, unknown: !unsent }
}

fn of_refusal(answer: &ProviderAnswer, refusal: TokenRefusal) -> Trouble {
    let limited = answer.status == 429 || answer.retry_after.is_some();
    let error = match refusal.kind {
        _ if limited => RATE_LIMITED.to_owned(),
        RefusalKind::ClientRefused => "client_refused".to_owned(),
        _ => refusal.error,
    };
    // A success that cannot be read has used the token all the same; so may have an error of the server's own.
    let unknown = !limited && (answer.status < 300 || answer.status >= 500);
    Trouble { error, retry_after: answer.retry_after, unknown }
}
