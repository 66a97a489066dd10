//! JSON bodies: strict, bounded, refused with the pointer of what is wrong.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::problem::Problem;

/// The most that a request's body may hold.
pub const MAX_BODY: usize = 1024 * 1024;

/// A body's shape, with what the general bounds do not apply to.
pub trait BodyRules: DeserializeOwned + Send {
    /// Top-level fields whose strings have bounds of their own.
    const OWN_BOUNDS: &'static [&'static str] = &[];
    /// Levels of nesting.
    const LEVELS: usize = panora_signature::intake::MAX_LEVELS;
    /// Whether no body at all stands for `{}`.
    const MAY_BE_EMPTY: bool = false;
}

/// No body, or an empty object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoBody {}

impl BodyRules for NoBody {
    const MAY_BE_EMPTY: bool = true;
}

/// A body of the shape `T`.
pub struct JsonBody<T>(pub T);

/// The same where no body at all is an answer too.
pub struct OptionalJsonBody<T>(pub Option<T>);

impl<S: Send + Sync, T: BodyRules> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read_json(&read(request).await?).map(Self)
    }
}

impl<S: Send + Sync, T: BodyRules> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read(request).await?;
        if bytes.is_empty() { Ok(Self(None)) } else { read_json(&bytes).map(Some).map(Self) }
    }
}

/// Reads a body of at most [`MAX_BODY`] bytes.
pub async fn read(request: Request) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = "A request may hold 1 MiB.";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    };
    axum::body::to_bytes(request.into_body(), MAX_BODY).await.map_err(|error| {
        let cause = std::error::Error::source(&error);
        if cause.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
            too_large()
        } else {
            Problem::field("", "The body ended before it was complete.")
        }
    })
}

/// Reads JSON by the rules for numbers and strings, then as a `T`.
pub fn read_json<T: BodyRules>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.is_empty() && T::MAY_BE_EMPTY { b"{}" } else { bytes };
    if bytes.is_empty() {
        return Err(Problem::field("", "Send a JSON body."));
    }
    let value = panora_signature::intake::parse_nested(bytes, T::LEVELS).map_err(|error| {
        let code = "invalid_json";
        let problem = Problem::new(StatusCode::BAD_REQUEST, code, "The body is not JSON that can be taken.");
        problem.at(error.pointer, error.detail)
    })?;
    // serde would read an array as a struct's fields in order.
    let Value::Object(fields) = &value else { return Err(Problem::field("", "Must be an object.")) };
    for (name, field) in fields.iter().filter(|(name, _)| !T::OWN_BOUNDS.contains(&name.as_str())) {
        bounded(field, &mut format!("/{}", escaped(name)))?;
    }
    serde_path_to_error::deserialize(value).map_err(|error| misfit(&error))
}

/// Reads JSON whose parts may keep the text they came with.
pub fn read_raw_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| misfit(&error))?;
    reader.end().map_err(|_| Problem::field("", "Something follows the JSON text."))?;
    Ok(read)
}

fn bounded(value: &Value, pointer: &mut String) -> Result<(), Problem> {
    let length = pointer.len();
    match value {
        Value::String(text) if text.chars().count() > super::MAX_TEXT => {
            return Err(Problem::field(pointer.as_str(), "A string may hold 2,048 characters."));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                bounded(item, pointer)?;
                pointer.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                pointer.push_str(&format!("/{}", escaped(name)));
                bounded(field, pointer)?;
                pointer.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

/// A name as part of a JSON pointer (RFC 6901, section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escaped(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// What does not fit, in our words: serde's may hold the value, which may be a secret.
fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let pointer = pointer_of(error.path());
    let words = error.inner().to_string();
    if let Some(name) = words.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return Problem::field(format!("{pointer}/{}", escaped(name)), "Missing.");
    }
    let detail = if words.starts_with("unknown field") {
        "There is no such field.".to_owned()
    } else if words.starts_with("duplicate field") {
        "Named twice.".to_owned()
    } else if let Some((_, choices)) = words.split_once(", expected one of ") {
        format!("Must be one of {}.", choices.split(" at line ").next().unwrap_or_default())
    } else if let Some((_, expected)) = words.split_once(", expected ") {
        format!("Must be {}.", in_words(expected.split(" at line ").next().unwrap_or_default()))
    } else {
        "This is not JSON that can be taken.".to_owned()
    };
    Problem::field(pointer, detail)
}

/// What serde expected, as people call it.
fn in_words(expected: &str) -> &str {
    match expected {
        "i64" | "u64" | "i32" | "u32" | "u16" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a string" | "any valid JSON value" => expected,
        _ => "an object",
    }
}
