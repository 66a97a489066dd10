//! The API reference as a page, read from the OpenAPI document that the handlers make. It adds nothing that
//! the document does not say, but for the list of connect failure codes.

mod example;
mod markdown;
mod operation;
mod reader;
mod schema;

use askama::Template;
use askama::filters::HtmlSafeOutput;
use serde_json::Value;

use crate::texts::{Language, Texts};
use operation::{Group, groups};
use reader::Reader;

/// The page at `/docs`.
#[derive(Clone, Debug)]
pub struct DocsPage<'a> {
    pub language: Language,
    /// An OpenAPI 3.1 document.
    pub document: &'a Value,
    /// Where the document itself is served.
    pub document_url: String,
}

impl DocsPage<'_> {
    pub fn render(&self) -> String {
        let info = |key: &str| self.document.pointer(&format!("/info/{key}")).and_then(Value::as_str);
        let view = View {
            language: self.language,
            document_url: &self.document_url,
            name: info("title").unwrap_or_default(),
            version: info("version").unwrap_or_default(),
            introduction: info("description").map(markdown::html),
            groups: groups(Reader::new(self.document), self.language.texts()),
            codes: crate::codes(),
        };
        crate::render(&view)
    }
}

#[derive(Template)]
#[template(path = "docs.html")]
struct View<'a> {
    language: Language,
    document_url: &'a str,
    name: &'a str,
    version: &'a str,
    introduction: Option<HtmlSafeOutput<String>>,
    groups: Vec<Group>,
    codes: Vec<(&'static str, String)>,
}

impl View<'_> {
    fn t(&self) -> &'static Texts {
        self.language.texts()
    }
}
