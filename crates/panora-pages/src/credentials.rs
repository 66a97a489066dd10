//! The form for a provider that takes an API key or a user name with a password. What was wrong is said
//! precisely; a secret is never sent back to the page.

use askama::Template;

use crate::field::{Field, Placed, placed};
use crate::frame::{Frame, Provider, flow_path, web_address};
use crate::texts::{Filled, Text, counted};

/// What trying the credentials at the provider has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialProblem {
    WrongKey,
    /// The right key, but without this permission.
    PermissionMissing,
    /// No account at the address that was given.
    WrongTenant,
    /// The provider does not answer: nothing about the key is known.
    ProviderDown,
}

/// Numbered steps, fields, and the answer to the last try.
#[derive(Debug, Template)]
#[template(path = "credentials.html")]
pub struct CredentialsPage {
    pub frame: Frame,
    pub id_flow: String,
    pub provider: Provider,
    /// The role or plan needed, such as "an administrator of your Acme account".
    pub role: Option<String>,
    /// How to find the key, one step each.
    pub steps: Vec<String>,
    /// The provider's page where keys are made.
    pub key_page: Option<String>,
    pub fields: Vec<Field>,
    pub problem: Option<CredentialProblem>,
    /// Shown once a try has failed.
    pub tries_left: Option<u32>,
    /// Where the form is posted to.
    pub action: String,
    /// The value of the hidden field `csrf`.
    pub csrf: String,
    pub has_choice: bool,
}

impl CredentialsPage {
    pub fn render(&self) -> String {
        crate::render(self)
    }

    fn fill<'a>(&'a self, text: &'a Text) -> Filled<'a> {
        text.with("customer", self.frame.customer_name()).with("provider", &self.provider.name)
    }

    /// The problem as a title and what to do about it.
    fn problem_texts(&self) -> Option<(Filled<'_>, Filled<'_>)> {
        let texts = &self.frame.t().credentials;
        let (title, advice) = match self.problem.as_ref()? {
            CredentialProblem::WrongKey => (&texts.wrong_key, &texts.wrong_key_advice),
            CredentialProblem::PermissionMissing => {
                (&texts.permission_missing, &texts.permission_missing_advice)
            }
            CredentialProblem::WrongTenant => (&texts.wrong_tenant, &texts.wrong_tenant_advice),
            CredentialProblem::ProviderDown => (&texts.provider_down, &texts.provider_down_advice),
        };
        Some((self.fill(title), self.fill(advice)))
    }

    /// The fields, the one that the problem is about having the focus.
    fn placed(&self) -> Vec<Placed<'_>> {
        let mut fields = placed(&self.fields);
        if let Some(blamed) = self.blamed() {
            for (place, field) in fields.iter_mut().enumerate() {
                field.focused = place == blamed;
            }
        }
        fields
    }

    /// The field that the problem is about: a wrong tenant is never the secret's fault.
    fn blamed(&self) -> Option<usize> {
        let about_secret = match self.problem.as_ref()? {
            CredentialProblem::WrongKey | CredentialProblem::PermissionMissing => true,
            CredentialProblem::WrongTenant => false,
            CredentialProblem::ProviderDown => return None,
        };
        self.fields.iter().position(|field| field.secret == about_secret)
    }

    fn is_blamed(&self, field: &Placed<'_>) -> bool {
        self.blamed().is_some() && field.focused
    }

    fn tries(&self) -> Option<String> {
        let texts = &self.frame.t().credentials;
        self.tries_left.map(|left| counted(left.into(), &texts.try_left, &texts.tries_left))
    }

    /// Whether anything is said on how to find the credential.
    fn has_help(&self) -> bool {
        self.role.is_some() || !self.steps.is_empty() || self.key_page().is_some()
    }

    fn key_page(&self) -> Option<&str> {
        self.key_page.as_deref().and_then(web_address)
    }

    fn picker_path(&self) -> Option<String> {
        self.has_choice.then(|| flow_path(&self.id_flow))
    }
}
