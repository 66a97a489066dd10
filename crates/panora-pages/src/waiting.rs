//! What stays behind while the person is at the provider in another window. It never refreshes by itself.

use askama::Template;

use crate::frame::{Frame, Provider};
use crate::texts::{Filled, Text};

/// "Finish in the HubSpot window."
#[derive(Debug, Template)]
#[template(path = "waiting.html")]
pub struct WaitingPage {
    pub frame: Frame,
    pub provider: Provider,
    /// This page's own address.
    pub check_url: String,
    /// Opens the provider's window again.
    pub open_again_url: Option<String>,
    /// Goes to the provider in this tab.
    pub same_tab_url: Option<String>,
}

impl WaitingPage {
    pub fn render(&self) -> String {
        crate::render(self)
    }

    fn fill<'a>(&'a self, text: &'a Text) -> Filled<'a> {
        text.with("provider", &self.provider.name)
    }
}
