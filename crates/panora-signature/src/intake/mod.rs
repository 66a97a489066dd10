//! Reads JSON from outside into values whose canonical text says what was received.
//!
//! A number stays a number when the RFC 8785 text of its nearest double denotes the same decimal value; any
//! other becomes a string holding its text. It must never panic, recurse without a bound, or quote an input's
//! values in an error.

mod number;
mod reader;
mod text;

use std::borrow::Cow;

use serde_json::Value;

use reader::{Reader, Rules};

/// Levels of arrays and objects that a request may nest.
pub const MAX_LEVELS: usize = 32;
/// Levels that a provider's answer may nest.
pub const MAX_LENIENT_LEVELS: usize = 128;

/// Why a text was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct IntakeError {
    /// JSON pointer (RFC 6901) to what is wrong; empty for the whole text.
    pub pointer: String,
    /// What is wrong, in a sentence that quotes no value.
    pub detail: String,
}

impl IntakeError {
    fn new(detail: impl Into<String>) -> Self {
        Self { pointer: String::new(), detail: detail.into() }
    }

    /// The same error seen from one level further out.
    fn inside(mut self, segment: &str) -> Self {
        let escaped = segment.replace('~', "~0").replace('/', "~1");
        self.pointer = format!("/{escaped}{}", self.pointer);
        self
    }
}

/// Reads a request's JSON strictly: invalid UTF-8, duplicate keys, U+0000, lone surrogates and more than
/// [`MAX_LEVELS`] levels are errors.
pub fn parse(bytes: &[u8]) -> Result<Value, IntakeError> {
    parse_nested(bytes, MAX_LEVELS)
}

/// [`parse`] with another bound on nesting, for a request that wraps something whose own bound is [`MAX_LEVELS`].
/// More than [`MAX_LENIENT_LEVELS`] are never taken.
pub fn parse_nested(bytes: &[u8], levels: usize) -> Result<Value, IntakeError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        IntakeError::new(format!("The text is not UTF-8 at byte {}.", error.valid_up_to()))
    })?;
    let rules = Rules { levels: levels.min(MAX_LENIENT_LEVELS), lenient: false };
    Reader::new(text, rules).document()
}

/// Reads a provider's answer: U+0000, lone surrogates and invalid UTF-8 become U+FFFD, the last of duplicate keys
/// wins, control characters in strings are taken, a byte order mark is skipped.
pub fn parse_lenient(bytes: &[u8]) -> Result<Value, IntakeError> {
    let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Reader::new(text, Rules { levels: MAX_LENIENT_LEVELS, lenient: true }).document()
}
