//! Texts with holes: `{variable}` and, where an answer is read, `{/json/pointer}`. They are only parsed here;
//! nothing here may fill a hole.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error};
use serde_saphyr::Spanned;

/// One piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// `{name}`
    Variable(String),
    /// `{/path/in/the/answer}`, RFC 6901.
    Pointer(String),
    /// `base64(`: what follows is sent encoded (RFC 4648, section 4).
    Base64Begin,
    /// The `)` that ends it.
    Base64End,
}

/// A text with holes, and the line of the file where it stands.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
    line: u64,
}

impl Template {
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub fn line(&self) -> u64 {
        self.line
    }

    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether the template begins with this piece of text.
    pub fn starts_with(&self, prefix: &str) -> bool {
        matches!(self.parts.first(), Some(Part::Text(text)) if text.starts_with(prefix))
    }

    /// Whether the template begins with this variable.
    pub fn starts_with_variable(&self, name: &str) -> bool {
        matches!(self.parts.first(), Some(Part::Variable(first)) if first == name)
    }

    fn parse(text: &str, line: u64) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut encoding = false;
        while let Some((before, after)) = rest.split_once('{') {
            let (hole, tail) = after.split_once('}').ok_or("a `{` is never closed")?;
            push_text(&mut parts, before, &mut encoding);
            parts.push(parse_hole(hole)?);
            rest = tail;
        }
        if rest.contains('}') {
            return Err("a `}` has no `{` before it".to_owned());
        }
        push_text(&mut parts, rest, &mut encoding);
        if encoding {
            return Err("a `base64(` is never closed".to_owned());
        }
        Ok(Self { parts, line })
    }
}

/// Divides a piece of text at `base64(` and at the `)` that ends it.
fn push_text(parts: &mut Vec<Part>, mut text: &str, encoding: &mut bool) {
    while let Some((before, after)) = text.split_once(if *encoding { ")" } else { "base64(" }) {
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(if *encoding { Part::Base64End } else { Part::Base64Begin });
        *encoding = !*encoding;
        text = after;
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

fn parse_hole(hole: &str) -> Result<Part, String> {
    if hole.starts_with('/') {
        return Ok(Part::Pointer(hole.to_owned()));
    }
    if is_name(hole) {
        return Ok(Part::Variable(hole.to_owned()));
    }
    let meant = meant(hole).map(|it| format!(". Did you mean `{{{it}}}`?")).unwrap_or_default();
    Err(format!(
        "`{{{hole}}}` is neither a variable (lower-case letters, digits, _) nor a /json/pointer{meant}"
    ))
}

/// The hole that was meant by one with a slip: other letters between the words, or no slash at the start.
fn meant(hole: &str) -> Option<String> {
    if hole.contains('/') {
        return Some(format!("/{hole}"));
    }
    let name = hole.trim().replace(['-', ' '], "_").to_lowercase();
    is_name(&name).then_some(name)
}

/// Names of variables and slugs: lower-case letters, digits and `_`.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Variable(hole) | Part::Pointer(hole) => write!(f, "{{{hole}}}"),
            Part::Base64Begin => f.write_str("base64("),
            Part::Base64End => f.write_str(")"),
        })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Spanned::<String>::deserialize(deserializer)?;
        Self::parse(&text.value, text.referenced.line()).map_err(D::Error::custom)
    }
}

/// A place in a JSON answer, RFC 6901: `/paging/next`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pointer(String);

impl Pointer {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.starts_with('/') {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is no JSON pointer: write it with a leading slash, like /access_token"))
        }
    }
}
