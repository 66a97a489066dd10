//! Asking the provider for new tokens, and reading what it says. Nothing but a clear refusal of the grant is a loss.

use std::time::Duration;

use panora_catalog::{RefusalKind, Renewal, TokenRefusal};
use panora_outbound::{Failure as Unanswered, OutboundError, Stage};
use secrecy::SecretString;

use super::{RATE_LIMITED, Refresh, RefreshError};
use crate::connect::client::app_of;
use crate::connect::credentials::Credentials;
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
    let chosen = app_of(app, connection.id_project, &provider, connection.client_id.as_deref()).await?;
    let (client, settings) = chosen.map(|it| (it.client, it.settings)).unwrap_or_default();
    let mut credentials = refresh.credentials.clone();
    credentials.variables.extend(settings);
    let token = previous.or_else(|| credentials.tokens().and_then(|(_, refresh)| refresh));
    let login = credentials.login();
    let renewal = match (&login, &token, &client) {
        (Some(fields), ..) => Renewal::Login(fields),
        (None, None, _) => return Ok(Trouble::ours("no_refresh_token")),
        (None, Some(_), None) => return Ok(Trouble::ours("client_unknown")),
        (None, Some(refresh_token), Some(client)) => Renewal::RefreshToken { client, refresh_token },
    };
    let Ok(request) = provider.renewal_request(renewal, &credentials.variables) else {
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
        Ok(mut grant) => Ok(Answered::Renewed(Box::new(Renewed {
            expires_at: grant.expires_at_ms.map(Time::from_millis),
            scopes: grant.scopes.take().filter(|scopes| !scopes.is_empty()),
            credentials: credentials.renewed(grant, token.as_ref()),
        }))),
        // A server in trouble may say anything.
        Err(refusal) if refusal.permanent() && !matches!(answer.status, 408 | 425 | 429 | 500..) => {
            Ok(Answered::Lost(refusal.error))
        }
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
