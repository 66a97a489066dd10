//! What surrounds every page of a flow: who asks, for whom, and the footer. It never trusts an address it is
//! given: only web addresses become links.

use crate::texts::{Language, Texts};
use crate::tile::Tile;

/// The customer whose product asks for the connection, as its branding describes it.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    pub name: String,
    /// `https:` or `data:image/`; anything else shows the monogram.
    pub logo_url: Option<String>,
    /// `#rgb` or `#rrggbb`; anything else is replaced by a colour chosen from the name.
    pub color: Option<String>,
    pub support_email: Option<String>,
    pub privacy_url: Option<String>,
}

/// What the pages of one flow have in common.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub language: Language,
    /// None only where it is not known, as for a link that leads nowhere.
    pub customer: Option<Customer>,
    /// The linked user's alias; without one "the person who sent you this".
    pub for_whom: Option<String>,
}

impl Frame {
    pub(crate) fn t(&self) -> &'static Texts {
        self.language.texts()
    }

    pub(crate) fn customer_name(&self) -> &str {
        self.customer.as_ref().map_or(&self.t().customer_unknown, |customer| &customer.name)
    }

    pub(crate) fn person(&self) -> &str {
        self.for_whom.as_deref().unwrap_or(&self.t().for_unknown)
    }

    pub(crate) fn customer_tile(&self) -> Option<Tile> {
        let customer = self.customer.as_ref()?;
        Some(Tile::new(&customer.name, customer.color.as_deref(), customer.logo_url.as_deref()))
    }

    pub(crate) fn privacy_url(&self) -> Option<&str> {
        self.customer.as_ref()?.privacy_url.as_deref().and_then(web_address)
    }

    /// The support address, if it is one that can stand in a `mailto:` link.
    pub(crate) fn support_email(&self) -> Option<&str> {
        let email = self.customer.as_ref()?.support_email.as_deref()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "@.+-_".contains(c);
        (email.contains('@') && email.chars().all(plain)).then_some(email)
    }
}

/// The address itself if it leads to the web, so that no `javascript:` ever becomes a link.
pub(crate) fn web_address(url: &str) -> Option<&str> {
    let lower = url.get(..8).map_or_else(|| url.to_ascii_lowercase(), str::to_ascii_lowercase);
    (lower.starts_with("https://") || lower.starts_with("http://")).then_some(url)
}

pub(crate) fn percent_encoded(text: &str) -> String {
    askama::filters::urlencode_strict(text).map_or_else(|never| match never {}, |safe| safe.to_string())
}

/// A provider as the pages show it.
#[derive(Clone, Debug, Default)]
pub struct Provider {
    pub slug: String,
    pub name: String,
    /// The slug of its first vertical.
    pub vertical: String,
    /// As [`Customer::color`].
    pub color: Option<String>,
    /// As [`Customer::logo_url`].
    pub logo_url: Option<String>,
}

impl Provider {
    pub(crate) fn tile(&self) -> Tile {
        Tile::new(&self.name, self.color.as_deref(), self.logo_url.as_deref())
    }
}

/// The path of a flow's first page, where the person chooses.
pub fn flow_path(id_flow: &str) -> String {
    format!("/connect/flow/{}", percent_encoded(id_flow))
}

/// The path of one provider within a flow.
pub fn provider_path(id_flow: &str, slug: &str) -> String {
    format!("{}/{}", flow_path(id_flow), percent_encoded(slug))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(web_address("HTTPS://acme.com"), Some("HTTPS://acme.com"));
        assert_eq!(web_address("http://localhost:3000/"), Some("http://localhost:3000/"));
        for hostile in ["javascript:alert(1)", "data:text/html,x", "//evil.test", "", "é€é€é€"] {
            assert_eq!(web_address(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn a_support_address_cannot_add_headers_to_a_mail() {
        let customer = Customer { support_email: Some("a@b.c?bcc=x@y.z".to_owned()), ..Customer::default() };
        let frame = Frame { customer: Some(customer), ..Frame::default() };
        assert_eq!(frame.support_email(), None);
    }

    #[test]
    fn a_slug_cannot_leave_its_path() {
        assert_eq!(provider_path("f", "../x"), "/connect/flow/f/%2E%2E%2Fx".replace("%2E", "."));
    }
}
