//! Which event types an endpoint takes: exact names and trailing wildcards.

use super::EventType;

/// A list of patterns, each of which matches at least one known type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventScope(Vec<String>);

/// A pattern that matches no known type.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    #[error("name at least one event type")]
    Empty,
    #[error("`{pattern}` is not an event type; did you mean `{nearest}`?")]
    Unknown { index: usize, pattern: String, nearest: &'static str },
}

impl EventScope {
    /// Patterns as somebody wrote them; repeated ones are kept once.
    pub fn parse(patterns: &[String]) -> Result<Self, ScopeError> {
        if patterns.is_empty() {
            return Err(ScopeError::Empty);
        }
        let mut known = Vec::with_capacity(patterns.len());
        for (index, pattern) in patterns.iter().enumerate() {
            if !EventType::ALL.iter().any(|kind| pattern_matches(pattern, kind.as_str())) {
                let shown = pattern.chars().take(64).collect();
                return Err(ScopeError::Unknown { index, pattern: shown, nearest: nearest(pattern) });
            }
            if !known.contains(pattern) {
                known.push(pattern.clone());
            }
        }
        Ok(Self(known))
    }

    /// Patterns that were parsed before they were stored.
    pub fn from_stored(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    pub fn patterns(&self) -> &[String] {
        &self.0
    }

    pub fn takes(&self, kind: EventType) -> bool {
        self.takes_named(kind.as_str())
    }

    /// The same by the type's name.
    pub fn takes_named(&self, kind: &str) -> bool {
        self.0.iter().any(|pattern| pattern_matches(pattern, kind))
    }
}

fn pattern_matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        Some(prefix) => prefix.ends_with('.') && name.starts_with(prefix),
        None => pattern == name,
    }
}

fn nearest(pattern: &str) -> &'static str {
    let pattern: String = pattern.chars().take(64).collect();
    EventType::ALL
        .iter()
        .map(|kind| kind.as_str())
        .min_by_key(|name| strsim::damerau_levenshtein(&pattern, name))
        .unwrap_or("connection.created")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(patterns: &[&str]) -> Result<EventScope, ScopeError> {
        EventScope::parse(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn takes_exact_names_and_trailing_wildcards() {
        let table = [
            ("connection.created", true),
            ("connection.*", true),
            ("*", true),
            ("connection.revoked", false),
            ("webhook.*", false),
        ];
        for (pattern, takes) in table {
            let parsed = scope(&[pattern]).unwrap();
            assert_eq!(parsed.takes(EventType::ConnectionCreated), takes, "{pattern}");
        }
    }

    #[test]
    fn refuses_what_matches_nothing_and_names_the_nearest() {
        for pattern in ["conection.created", "connection*", "*.created", "connection.**", "", "crm.*"] {
            assert!(matches!(scope(&[pattern]), Err(ScopeError::Unknown { .. })), "{pattern}");
        }
        let error = scope(&["*", "conection.created"]).unwrap_err();
        let expected = ScopeError::Unknown {
            index: 1,
            pattern: "conection.created".into(),
            nearest: "connection.created",
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn refuses_an_empty_list() {
        assert_eq!(scope(&[]), Err(ScopeError::Empty));
    }
}
