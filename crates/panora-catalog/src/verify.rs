//! Trying a credential, and saying which thing is wrong with it.

use serde_json::Value;

use crate::answer::is_trouble;
use crate::credential::Credential;
use crate::file::Verify;
use crate::provider::Provider;
use crate::request::HttpRequest;
use crate::values::{RenderError, Variables};

/// What the provider's answer says of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    Good,
    WrongKey,
    /// The key is right and may not do what is needed.
    MissingPermission,
    /// There is no such account: a subdomain or company is wrong.
    WrongTenant,
    /// The provider has trouble; nothing is known of the credential.
    TryLater,
    /// An answer that the provider's file does not explain.
    Unexplained,
}

impl Provider {
    /// The request by which a credential is tried: the file's own, else the one that tells whose account it is.
    pub fn verify_request(
        &self,
        credential: &Credential,
        variables: &Variables,
    ) -> Result<Option<HttpRequest>, RenderError> {
        match &self.file.verify {
            Some(verify) => self.render(&verify.request, credential, variables).map(Some),
            None => self.identity_request(credential, variables),
        }
    }

    /// Reads the answer to it; `body` is `Value::Null` where it was no JSON.
    pub fn read_verification(&self, status: u16, body: &Value) -> Verification {
        let verify = self.file.verify.as_ref();
        let means = |statuses: fn(&Verify) -> &Vec<u16>, usual: u16| {
            verify.map_or(status == usual, |verify| statuses(verify).contains(&status))
        };
        let expected = verify.and_then(|verify| verify.expect.as_ref());
        let as_expected =
            expected.is_none_or(|condition| body.pointer(condition.at.as_str()) == Some(&condition.is));
        if (200..300).contains(&status) {
            return if as_expected { Verification::Good } else { Verification::WrongKey };
        }
        if means(|verify| &verify.wrong_key, 401) {
            Verification::WrongKey
        } else if means(|verify| &verify.missing_permission, 403) {
            Verification::MissingPermission
        } else if verify.is_some_and(|verify| verify.wrong_tenant.contains(&status)) {
            Verification::WrongTenant
        } else if is_trouble(status) {
            Verification::TryLater
        } else {
            Verification::Unexplained
        }
    }
}
