//! The pages of the pretend provider, visibly so. They know nothing of the rest: the Sandbox is a provider as
//! any other.

use askama::Template;
use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::tile::Tile;

/// Declares the troubles with their stable code.
macro_rules! troubles {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// Something that goes wrong on purpose.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum SandboxTrouble { $($(#[$doc])* $name,)* }

        impl SandboxTrouble {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The value of the form's field `trouble`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The trouble of this code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|trouble| trouble.code() == code)
            }
        }
    };
}

troubles! {
    Deny = "deny";
    Slow = "slow";
    ExpiredCode = "expired_code";
    /// The first access token lives for seconds only.
    Expired = "expired";
    PartialScopes = "partial_scopes";
    TooManyRequests = "too_many_requests";
    ServerError = "server_error";
    /// `Cross-Origin-Opener-Policy: same-origin`, which cuts a popup's ties to its opener.
    Coop = "coop";
}

/// A pretend account to sign in with.
#[derive(Clone, Debug, Default)]
pub struct SandboxAccount {
    /// The value of the form's field `account`.
    pub id: String,
    pub name: String,
    pub email: String,
}

/// A permission that was asked for.
#[derive(Clone, Debug, Default)]
pub struct SandboxScope {
    /// The value of the form's field `scope`.
    pub name: String,
    pub description: String,
}

/// Sign-in and consent in one. The form posts `account`, `scope` and `trouble` (each as often as ticked),
/// `decision` (`allow` or `deny`) and what is in `hidden`.
#[derive(Debug, Template)]
#[template(path = "sandbox_consent.html")]
pub struct SandboxConsentPage {
    pub frame: Frame,
    /// The name of the OAuth app that asks.
    pub app_name: String,
    pub accounts: Vec<SandboxAccount>,
    pub scopes: Vec<SandboxScope>,
    /// Where the form is posted to.
    pub action: String,
    /// Names and values to hand on, such as `state`.
    pub hidden: Vec<(String, String)>,
}

impl SandboxConsentPage {
    pub fn render(&self) -> String {
        crate::render(self)
    }

    /// The code and the words of every trouble.
    fn troubles(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let texts = self.frame.t();
        SandboxTrouble::ALL.iter().map(|trouble| (trouble.code(), texts.trouble(*trouble)))
    }
}

/// Where the Sandbox cannot even send the person back, as with a redirect address it does not know.
#[derive(Debug, Template)]
#[template(path = "sandbox_error.html")]
pub struct SandboxErrorPage {
    pub frame: Frame,
    /// The OAuth error, such as `invalid_request`.
    pub error: String,
    pub description: String,
}

impl SandboxErrorPage {
    pub fn render(&self) -> String {
        crate::render(self)
    }
}

fn account_tile(account: &SandboxAccount) -> Tile {
    Tile::new(&account.name, None, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_name_in_snake_case() {
        for trouble in SandboxTrouble::ALL {
            let name = serde_json::to_value(trouble).expect("a name is a string");
            assert_eq!(name, trouble.code());
            assert_eq!(SandboxTrouble::from_code(trouble.code()), Some(*trouble));
        }
    }
}
