//! The API reference as a page, read from the OpenAPI document that the handlers make. It adds nothing that
//! the document does not say, but for the list of connect failure codes.

mod example;
pub(crate) mod markdown;
mod operation;
mod reader;
mod schema;

use askama::Template;
use askama::filters::HtmlSafeOutput;
use pulldown_cmark::HeadingLevel;
use serde_json::Value;

use crate::texts::{Language, Texts};
use operation::{Group, groups};
use reader::Reader;

/// The document's own language.
const LANGUAGE: Language = Language::English;

/// The page at `/docs`.
#[derive(Clone, Debug)]
pub struct DocsPage {
    /// An OpenAPI 3.1 document, which is served at `/openapi.json`.
    pub document: Value,
    /// `(code, meaning)` of every problem that the API answers with; meanings are CommonMark.
    pub problems: &'static [(&'static str, &'static str)],
    /// Where the API is, without a slash at the end.
    pub public_url: String,
}

impl DocsPage {
    pub fn render(&self) -> String {
        let info = |key: &str| self.document.pointer(&format!("/info/{key}")).and_then(Value::as_str);
        let view = View {
            language: LANGUAGE,
            name: info("title").unwrap_or_default(),
            version: info("version").unwrap_or_default(),
            introduction: info("description").map(|text| markdown::html(text, HeadingLevel::H2)),
            groups: groups(Reader::new(&self.document), LANGUAGE.texts()),
            codes: crate::codes(),
            problems: self
                .problems
                .iter()
                .map(|(code, meaning)| (*code, markdown::html(meaning, HeadingLevel::H4)))
                .collect(),
            public_url: &self.public_url,
        };
        crate::render(&view)
    }
}

#[derive(Template)]
#[template(path = "docs.html")]
struct View<'a> {
    language: Language,
    name: &'a str,
    version: &'a str,
    introduction: Option<HtmlSafeOutput<String>>,
    groups: Vec<Group>,
    codes: Vec<(&'static str, String)>,
    problems: Vec<(&'static str, HtmlSafeOutput<String>)>,
    public_url: &'a str,
}

impl View<'_> {
    fn t(&self) -> &'static Texts {
        self.language.texts()
    }
}
