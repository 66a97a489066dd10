//! The last page before the person leaves for an OAuth provider: what will be shared, in plain words. Its
//! button is a plain link, so that the provider opens in the same click.

use askama::Template;

use crate::frame::{Frame, Provider, flow_path, provider_path};
use crate::texts::{Filled, Text};

/// Whether a connection is to be made or renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    #[default]
    Connect,
    /// `account`: how the person knows the account to renew, where the provider told.
    Renew { account: Option<String> },
}

/// The account's own address, as the person's answers have settled it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// In full, such as `acme.zendesk.com`.
    pub address: String,
    /// The page that asks for it.
    pub change_url: String,
}

/// "Acme wants to connect to your HubSpot account."
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    pub frame: Frame,
    pub id_flow: String,
    pub provider: Provider,
    pub purpose: Purpose,
    /// What will be shared: ends of the sentence "Once connected, Acme", such as "can read your contacts".
    pub sentences: Vec<String>,
    pub tenant: Option<Tenant>,
    /// The host that the button leads to.
    pub host: String,
    /// Whether there is another provider to choose.
    pub has_choice: bool,
}

impl ConsentPage {
    pub fn render(&self) -> String {
        crate::render(self)
    }

    fn fill<'a>(&'a self, text: &'a Text) -> Filled<'a> {
        text.with("customer", self.frame.customer_name()).with("provider", &self.provider.name)
    }

    fn heading(&self) -> Filled<'_> {
        let texts = &self.frame.t().consent;
        self.fill(if self.renews() { &texts.renew_heading } else { &texts.heading })
    }

    fn title(&self) -> Filled<'_> {
        let texts = &self.frame.t().consent;
        self.fill(if self.renews() { &texts.renew_title } else { &texts.title })
    }

    fn renews(&self) -> bool {
        self.purpose != Purpose::Connect
    }

    fn account(&self) -> Option<&str> {
        match &self.purpose {
            Purpose::Renew { account } => account.as_deref(),
            Purpose::Connect => None,
        }
    }

    fn authorize_path(&self) -> String {
        format!("{}/authorize", provider_path(&self.id_flow, &self.provider.slug))
    }

    fn picker_path(&self) -> Option<String> {
        self.has_choice.then(|| flow_path(&self.id_flow))
    }
}
