//! Everything that doctor can find, as a page to look a code up in. It shows no installation's own findings.

use askama::Template;
use askama::filters::HtmlSafeOutput;
use pulldown_cmark::HeadingLevel;

use crate::docs::markdown;
use crate::texts::{Language, Text, Texts};

/// Whether connecting cannot work, will trouble somebody, or is only worth knowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoctorSeverity {
    Error,
    Warning,
    Info,
}

/// One kind of finding.
#[derive(Clone, Copy, Debug)]
pub struct DoctorEntry {
    /// Stable; what links to the entry ends with it.
    pub code: &'static str,
    pub severity: DoctorSeverity,
    pub title: &'static str,
    /// CommonMark, as is `mend`.
    pub meaning: &'static str,
    pub mend: &'static str,
}

/// The page at `/docs/doctor`.
#[derive(Clone, Debug)]
pub struct DoctorPage {
    /// In the order in which they are shown.
    pub entries: Vec<DoctorEntry>,
}

impl DoctorPage {
    pub fn render(&self) -> String {
        crate::render(&View { language: Language::English, entries: &self.entries })
    }
}

#[derive(Template)]
#[template(path = "doctor.html")]
struct View<'a> {
    language: Language,
    entries: &'a [DoctorEntry],
}

impl View<'_> {
    fn t(&self) -> &'static Texts {
        self.language.texts()
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn html(&self, text: &str) -> HtmlSafeOutput<String> {
        markdown::html(text, HeadingLevel::H4)
    }

    fn severity(&self, entry: &DoctorEntry) -> &'static Text {
        let texts = &self.t().doctor;
        match entry.severity {
            DoctorSeverity::Error => &texts.error,
            DoctorSeverity::Warning => &texts.warning,
            DoctorSeverity::Info => &texts.info,
        }
    }
}
