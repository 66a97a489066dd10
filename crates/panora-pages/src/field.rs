//! One field of a form, with everything that helps to fill it in. It never repeats a secret back.

use crate::texts::Language;

/// Why what was typed cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    Missing,
    TooLong,
    /// Another shape than the value asked for.
    Unusable,
}

impl FieldError {
    /// To the person who typed it.
    pub fn words(self, language: Language) -> String {
        let texts = &language.texts().field;
        match self {
            Self::Missing => texts.missing.to_string(),
            Self::TooLong => texts.too_long.to_string(),
            Self::Unusable => texts.unusable.to_string(),
        }
    }
}

/// A text field; drawn with its label, help, example and error tied to it.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Its name in the form and, prefixed, its id on the page.
    pub name: String,
    pub label: String,
    /// Where to find the value.
    pub help: Option<String>,
    /// The expected shape.
    pub example: Option<String>,
    /// What follows the value in the address, such as `.zendesk.com`.
    pub suffix: Option<String>,
    /// What was typed before. Ignored for a secret.
    pub value: String,
    pub secret: bool,
    pub error: Option<String>,
}

impl Field {
    fn id(&self) -> String {
        format!("field-{}", self.name)
    }

    /// The ids of what describes the field, for `aria-describedby`.
    fn described_by(&self) -> String {
        let parts = [
            ("help", self.help.is_some()),
            ("example", self.example.is_some()),
            ("error", self.error.is_some()),
        ];
        let ids =
            parts.into_iter().filter(|(_, there)| *there).map(|(part, _)| format!("{}-{part}", self.id()));
        ids.collect::<Vec<_>>().join(" ")
    }
}

/// A field as a form draws it: with whether it has the focus when the page opens.
pub(crate) struct Placed<'a> {
    pub(crate) field: &'a Field,
    pub(crate) focused: bool,
}

impl Placed<'_> {
    pub(crate) fn id(&self) -> String {
        self.field.id()
    }

    pub(crate) fn described_by(&self) -> String {
        self.field.described_by()
    }
}

/// The fields in order; the first one in error has the focus, else the first.
pub(crate) fn placed(fields: &[Field]) -> Vec<Placed<'_>> {
    let focus = fields.iter().position(|field| field.error.is_some()).unwrap_or(0);
    fields.iter().enumerate().map(|(place, field)| Placed { field, focused: place == focus }).collect()
}
