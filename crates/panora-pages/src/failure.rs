//! Every way in which connecting an account can end without a connection. It never says more to the person
//! than they can act on: details for the developer belong to the log.

use askama::Template;
use serde::{Deserialize, Serialize};

use crate::frame::{Frame, web_address};
use crate::texts::{FailureTexts, Filled, Language, Text};

/// Declares the failures with their stable code and their HTTP status in one place.
macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal;)*) => {
        /// Why no connection was made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Failure { $($(#[$doc])* $name,)* }

        impl Failure {
            /// All of them, in the order in which the documentation lists them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable text form: `?status=error&code=` and `connection.failed` carry it.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that suits its page.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

failures! {
    /// The person declined at the provider.
    Denied = "denied", 200;
    AdminApproval = "admin_approval", 200;
    /// The provider granted less than the connection cannot do without.
    PermissionsMissing = "permissions_missing", 200;
    /// A renewal ended with another account than the connection's own.
    OtherAccount = "other_account", 409;
    LinkExpired = "link_expired", 410;
    LinkUsed = "link_used", 410;
    LinkRevoked = "link_revoked", 410;
    LinkNotFound = "link_not_found", 404;
    /// Another browser, cookies off, or too long ago.
    FlowNotFound = "flow_not_found", 403;
    StateExpired = "state_expired", 400;
    StateReplayed = "state_replayed", 400;
    ProviderDown = "provider_down", 502;
    ProviderError = "provider_error", 502;
    /// The provider refused the app's own credentials, redirect address or scopes.
    SetUpWrongly = "set_up_wrongly", 500;
    TooManyTries = "too_many_tries", 429;
    /// A host learnt on the way is not one of the provider's own.
    WrongHost = "wrong_host", 400;
    Unexpected = "unexpected", 500;
}

impl Failure {
    /// What the code means, in a sentence for developers.
    pub fn explanation(self) -> String {
        Language::English.texts().failure(self).explanation.to_string()
    }

    /// Whether the person's next step is to get another link, for which the sender is to be asked.
    const fn needs_the_sender(self) -> bool {
        matches!(
            self,
            Self::LinkExpired
                | Self::LinkUsed
                | Self::LinkRevoked
                | Self::LinkNotFound
                | Self::SetUpWrongly
                | Self::TooManyTries
        )
    }
}

/// Every code with its explanation, as `/docs` lists them.
pub fn codes() -> Vec<(&'static str, String)> {
    Failure::ALL.iter().map(|failure| (failure.code(), failure.explanation())).collect()
}

/// What went wrong, what to do about it, and a reference to copy.
#[derive(Debug, Template)]
#[template(path = "failure.html")]
pub struct FailurePage {
    pub frame: Frame,
    pub failure: Failure,
    /// The provider's name, where one was chosen.
    pub provider_name: Option<String>,
    /// What exactly is missing, such as the permissions not given; plain words.
    pub details: Vec<String>,
    /// Where the one action leads: another try, or the provider's page for approval. Without it the page
    /// offers to write to the project's support address, or says in words what to do.
    pub action_url: Option<String>,
    /// The complete way back to the customer's product, status and code included.
    pub return_url: Option<String>,
    /// The id by which the log finds this: of the request or the flow.
    pub reference: String,
}

impl FailurePage {
    pub fn render(&self) -> String {
        crate::render(self)
    }

    fn own_texts(&self) -> &'static FailureTexts {
        self.frame.t().failure(self.failure)
    }

    fn fill<'a>(&'a self, text: &'a Text) -> Filled<'a> {
        let provider = self.provider_name.as_deref().unwrap_or(&self.frame.t().provider_unknown);
        text.with("customer", self.frame.customer_name()).with("provider", provider)
    }

    /// Whether something went wrong, rather than as the person or the sender decided.
    fn is_trouble(&self) -> bool {
        !matches!(
            self.failure,
            Failure::Denied | Failure::AdminApproval | Failure::LinkUsed | Failure::StateReplayed
        )
    }

    fn action(&self) -> Option<String> {
        match (&self.action_url, self.frame.support_email()) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(email)) if self.failure.needs_the_sender() => Some(self.mail(email)),
            _ => None,
        }
    }

    fn mail(&self, email: &str) -> String {
        let subject = self.frame.t().failure.mail_subject.with("reference", &self.reference).to_string();
        format!("mailto:{email}?subject={}", crate::frame::percent_encoded(&subject))
    }

    fn return_url(&self) -> Option<&str> {
        self.return_url.as_deref().and_then(web_address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_name_in_snake_case() {
        for failure in Failure::ALL {
            let name = serde_json::to_value(failure).expect("a name is a string");
            assert_eq!(name, failure.code());
        }
    }

    #[test]
    fn every_code_is_explained() {
        assert!(codes().iter().all(|(_, explanation)| !explanation.is_empty()));
    }
}
