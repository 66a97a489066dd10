//! Which site or company, where what the person has granted covers several of them.

use askama::Template;

use crate::frame::{Frame, Provider};
use crate::texts::{Filled, Text};

/// "Which Jira account?"
#[derive(Debug, Template)]
#[template(path = "choice.html")]
pub struct ChoicePage {
    pub frame: Frame,
    pub provider: Provider,
    /// As the provider names them; at least two. The form posts a `choice`: its number, from 0.
    pub choices: Vec<String>,
    /// Whether the person has just chosen of an older list.
    pub is_newer: bool,
    /// Where the form is posted to.
    pub action: String,
    /// The value of the hidden field `csrf`.
    pub csrf: String,
    /// The value of the hidden field `grant`: whose list this is.
    pub grant: String,
}

impl ChoicePage {
    pub fn render(&self) -> String {
        crate::render(self)
    }

    fn fill<'a>(&'a self, text: &'a Text) -> Filled<'a> {
        text.with("customer", self.frame.customer_name()).with("provider", &self.provider.name)
    }
}
