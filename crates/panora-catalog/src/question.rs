//! Questions to a person, and how anything they paste becomes the value meant. An answer is never sent anywhere
//! from here.

use crate::file::{Variable, host_of};

/// The longest answer, in characters; and the longest credential, in bytes.
const LONGEST: usize = 2_048;
const LONGEST_CREDENTIAL: usize = 16 * 1024;

/// One field of a form.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    variable: &'a Variable,
    credential: bool,
}

/// Why an answer cannot be used. It never repeats the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("nothing was given")]
    Missing,
    #[error("it is too long")]
    TooLong,
    #[error("it has a character that no such value has")]
    BadCharacter,
    #[error("it is not one of the choices")]
    NotAChoice,
    /// Another host, or another shape than the provider's values have.
    #[error("it does not look like the value asked for")]
    WrongShape,
}

impl<'a> Question<'a> {
    pub(crate) fn variable(variable: &'a Variable) -> Self {
        Self { variable, credential: false }
    }

    pub(crate) fn credential(variable: &'a Variable) -> Self {
        Self { variable, credential: true }
    }

    /// The name under which the value is kept.
    pub fn name(&self) -> &'a str {
        &self.variable.name
    }

    pub fn label(&self) -> &'a str {
        &self.variable.label
    }

    /// Where to find it.
    pub fn help(&self) -> Option<&'a str> {
        self.variable.help.as_deref()
    }

    pub fn example(&self) -> Option<&'a str> {
        self.variable.example.as_deref()
    }

    /// What stands after the field: `.zendesk.com`.
    pub fn suffix(&self) -> Option<&'a str> {
        self.variable.suffix.as_deref()
    }

    /// The only values there are; empty where any text may be given.
    pub fn choices(&self) -> &'a [String] {
        &self.variable.one_of
    }

    /// Whether it must be answered.
    pub fn required(&self) -> bool {
        self.variable.default.is_none()
    }

    /// Whether the value belongs to the credential, to be sealed, and not to the variables.
    pub fn is_credential(&self) -> bool {
        self.credential
    }

    /// Whether the field hides what is typed, and nobody is shown it later.
    pub fn is_secret(&self) -> bool {
        self.variable.secret.unwrap_or(self.credential)
    }

    /// The value meant by what was typed or pasted: spaces trimmed, and where a part of a host is asked for,
    /// cut out of a whole URL. An empty answer is the default, where there is one.
    pub fn normalize(&self, raw: &str) -> Result<String, AnswerError> {
        let text = raw.trim();
        if text.is_empty() {
            return self.variable.default.clone().ok_or(AnswerError::Missing);
        }
        let too_long =
            if self.credential { text.len() > LONGEST_CREDENTIAL } else { text.chars().count() > LONGEST };
        if too_long {
            return Err(AnswerError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(AnswerError::BadCharacter);
        }
        let value = self.cut(text);
        if self.variable.accepts(&value) {
            return Ok(value);
        }
        if self.variable.one_of.is_empty() {
            Err(AnswerError::WrongShape)
        } else {
            Err(AnswerError::NotAChoice)
        }
    }

    fn cut(&self, text: &str) -> String {
        if let Some(suffix) = &self.variable.suffix {
            let host = host_of(text);
            return host.strip_suffix(suffix.as_str()).map_or(host.clone(), str::to_owned);
        }
        if self.variable.is_host() {
            return host_of(text);
        }
        let choice = self.variable.one_of.iter().find(|choice| choice.eq_ignore_ascii_case(text));
        choice.cloned().unwrap_or_else(|| text.to_owned())
    }

    /// The value as the person knows it: `acme` as `acme.zendesk.com`.
    pub fn shown(&self, value: &str) -> String {
        format!("{value}{}", self.variable.suffix.as_deref().unwrap_or_default())
    }
}
