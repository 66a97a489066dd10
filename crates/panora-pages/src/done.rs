//! The end of a flow that made or renewed a connection. It never holds a connection token.

use askama::Template;

use crate::frame::{Frame, Provider, web_address};
use crate::texts::{Filled, Text};

/// Who the provider says the account belongs to.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub name: Option<String>,
    pub email: Option<String>,
}

/// What the flow came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    #[default]
    Connected,
    /// The account was already connected, or was to be reconnected.
    Renewed,
}

/// "HubSpot is connected", with which account and for whom.
#[derive(Debug, Template)]
#[template(path = "done.html")]
pub struct DonePage {
    pub frame: Frame,
    pub provider: Provider,
    pub outcome: Outcome,
    pub account: Account,
    /// Permissions asked for and not given, in plain words.
    pub missing: Vec<String>,
    /// Where the missing permissions can be given.
    pub reconnect_url: Option<String>,
    /// The complete way back to the customer's product, status and id included. A script follows it after
    /// five seconds unless something is missing or the person says no.
    pub return_url: Option<String>,
    /// The list of providers, where more can be connected.
    pub another_url: Option<String>,
}

impl DonePage {
    pub fn render(&self) -> String {
        crate::render(self)
    }

    fn fill<'a>(&'a self, text: &'a Text) -> Filled<'a> {
        text.with("customer", self.frame.customer_name()).with("provider", &self.provider.name)
    }

    fn title(&self) -> &'static Text {
        let texts = &self.frame.t().done;
        if self.renewed() { &texts.renewed_title } else { &texts.title }
    }

    fn heading(&self) -> Filled<'_> {
        let texts = &self.frame.t().done;
        self.fill(match (self.missing.is_empty(), self.outcome) {
            (false, _) => &texts.missing_heading,
            (true, Outcome::Renewed) => &texts.renewed_heading,
            (true, Outcome::Connected) => &texts.heading,
        })
    }

    fn renewed(&self) -> bool {
        self.outcome == Outcome::Renewed
    }

    fn return_url(&self) -> Option<&str> {
        self.return_url.as_deref().and_then(web_address)
    }
}
