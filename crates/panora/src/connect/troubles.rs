//! What a provider said when it refused: counted for doctor, by its error code.

use crate::app::App;
use crate::model::{ProjectId, TroublePlace};
use crate::store::StoreError;

/// As a loss is counted for want of a refresh token: no provider said so.
pub const NO_REFRESH_TOKEN: &str = "no_refresh_token";
/// The longest error code that is kept.
const LONGEST: usize = 48;

/// Counts a refusal. A code that does not look like one is not kept: it could hold anything.
pub async fn note_refusal(app: &App, project: ProjectId, slug: &str, place: TroublePlace, error: &str) {
    // Our own `http_429` aside no code has digits, and most secrets do.
    let letters = error.strip_prefix("http_").map_or(error, |status| status.trim_matches(char::is_numeric));
    let plain = (1..=LONGEST).contains(&error.len())
        && letters.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.'));
    let code = if plain { error } else { "other" };
    if let Err(error) = write(app, project, slug, place, code).await {
        tracing::warn!(code = error.code(), "a refusal could not be counted");
    }
}

async fn write(
    app: &App,
    project: ProjectId,
    slug: &str,
    place: TroublePlace,
    code: &str,
) -> Result<(), StoreError> {
    let mut tx = app.store.begin().await?;
    // As every other transaction that counts, so that no two wait for each other's rows.
    app.store.lock_project(&mut tx, project).await?;
    app.store.note_trouble(&mut tx, (project, slug), place, code).await?;
    tx.commit().await
}
