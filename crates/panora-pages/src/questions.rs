//! What has to be known before the provider can be opened, such as the address of the person's account.

use askama::Template;

use crate::field::{Field, Placed, placed};
use crate::frame::{Frame, Provider, flow_path};
use crate::texts::{Filled, Text};

/// The provider's variables as a form.
#[derive(Debug, Template)]
#[template(path = "questions.html")]
pub struct QuestionsPage {
    pub frame: Frame,
    pub id_flow: String,
    pub provider: Provider,
    pub fields: Vec<Field>,
    /// Where the form is posted to.
    pub action: String,
    /// The value of the hidden field `csrf`.
    pub csrf: String,
    pub has_choice: bool,
}

impl QuestionsPage {
    pub fn render(&self) -> String {
        crate::render(self)
    }

    fn fill<'a>(&'a self, text: &'a Text) -> Filled<'a> {
        text.with("customer", self.frame.customer_name()).with("provider", &self.provider.name)
    }

    fn placed(&self) -> Vec<Placed<'_>> {
        placed(&self.fields)
    }

    fn picker_path(&self) -> Option<String> {
        self.has_choice.then(|| flow_path(&self.id_flow))
    }
}
