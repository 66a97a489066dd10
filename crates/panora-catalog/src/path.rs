//! Appending a caller's path to a base URL. Whatever the path says, the result stays on the base's host and under
//! its path.

use percent_encoding::percent_decode_str;
use url::Url;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("give a path, not a whole URL: scheme and host come from the provider")]
    Absolute,
    #[error("the path has a `.` or `..` segment")]
    DotSegment,
    #[error("the path has a backslash")]
    Backslash,
    #[error("the path has two slashes in a row")]
    DoubleSlash,
    #[error("the path has a control character")]
    ControlCharacter,
    #[error("the path has a fragment")]
    Fragment,
}

/// The base URL with a path, and its query, appended. The leading slash may be left out.
pub(crate) fn join(base: &Url, path_and_query: &str) -> Result<Url, PathError> {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    if path_and_query.contains('#') {
        return Err(PathError::Fragment);
    }
    if path_and_query.chars().any(char::is_control) {
        return Err(PathError::ControlCharacter);
    }
    if has_scheme(path) {
        return Err(PathError::Absolute);
    }
    check_path(path)?;
    let mut url = base.clone();
    url.set_path(&format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/')));
    url.set_query(query.filter(|query| !query.is_empty()));
    // The checks above leave no way out; this one does not depend on them.
    if stays_under(base, &url) { Ok(url) } else { Err(PathError::DotSegment) }
}

fn stays_under(base: &Url, url: &Url) -> bool {
    let folder = base.path().trim_end_matches('/');
    let under = url.path().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    under && url.scheme() == base.scheme() && url.authority() == base.authority()
}

/// `https:` and the like at the beginning; a later colon is part of a path (`/v1/items:batch`).
fn has_scheme(path: &str) -> bool {
    path.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// What is encoded more often is not meant to be understood.
const MOST_DECODINGS: usize = 5;

/// Checks the path as it stands and as a server sees it that decodes once or more.
fn check_path(path: &str) -> Result<(), PathError> {
    let mut text = path.to_owned();
    for _ in 0..MOST_DECODINGS {
        check_decoded(&text)?;
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            return Ok(());
        }
        text = decoded;
    }
    Err(PathError::DotSegment)
}

fn check_decoded(path: &str) -> Result<(), PathError> {
    if path.split(['?', '#']).next().unwrap_or_default().contains("//") {
        return Err(PathError::DoubleSlash);
    }
    if path.contains('\\') {
        return Err(PathError::Backslash);
    }
    if path.chars().any(char::is_control) {
        return Err(PathError::ControlCharacter);
    }
    // Some servers cut a segment at `;` before they look for dots.
    let dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    if path.split(['/', '?', '#']).any(dots) { Err(PathError::DotSegment) } else { Ok(()) }
}
