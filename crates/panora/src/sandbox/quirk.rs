//! What the Sandbox does otherwise than RFC 6749 has it, as other providers do. A provider file asks for it by the parameter
//! `play` of the authorization, or of a login: codes with spaces between them.

use super::refusal::Refusal;
use crate::store::SandboxGrant;

/// Declares the quirks with their code.
macro_rules! quirks {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Quirk { $($(#[$doc])* $name,)* }

        impl Quirk {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

quirks! {
    /// The client that has a secret proves itself by HTTP Basic, and in no other way.
    Basic = "basic";
    /// By HTTP Basic with its secret as the user name.
    SecretAsUser = "secret_as_user";
    /// Token requests are JSON.
    Json = "json";
    /// The parameter is called `auth_code`, in the callback and in the token request.
    AuthCode = "auth_code";
    /// The client's secret signs the callback: `hmac`.
    Signed = "signed";
    /// Token answers tell the end of the access token as `expires_at`, in one of three spellings.
    AtSeconds = "expires_at_seconds";
    AtMilliseconds = "expires_at_milliseconds";
    AtText = "expires_at_text";
    /// The access token is a JWT, whose `exp` tells its end.
    Jwt = "expires_jwt";
    /// Nothing tells it.
    Unsaid = "expires_unsaid";
    /// Token answers stand under `data`, and scopes are a list.
    Nested = "nested";
    /// Token answers tell whose account it is: `account`.
    TellsAccount = "tells_account";
    /// Refusals of the token endpoint have status 200.
    RefusesWith200 = "refuses_with_200";
    /// The refresh token stays good, and a refresh tells no other.
    KeepsRefreshToken = "keeps_refresh_token";
    NoRefreshToken = "no_refresh_token";
    /// A grant covers every company, or the person's own; calls name one by the header `X-Company`.
    Companies = "companies";
    OneCompany = "one_company";
    /// Too many requests are told by `X-RateLimit-Reset` instead of `Retry-After`: in seconds, or Unix time.
    ResetSeconds = "reset_seconds";
    ResetEpochSeconds = "reset_epoch_seconds";
    ResetEpochMilliseconds = "reset_epoch_milliseconds";
    /// A revocation is a DELETE that carries the access token as a call does.
    RevokeByBearer = "revoke_by_bearer";
    RevokeByJson = "revoke_by_json";
    /// A revocation needs the client that has a secret, by HTTP Basic.
    RevokeByBasic = "revoke_by_basic";
}

/// Reads `play`.
pub fn read(play: Option<&str>) -> Result<Vec<Quirk>, Refusal> {
    let find = |code: &str| Quirk::ALL.iter().copied().find(|quirk| quirk.code() == code);
    let quirks = play.unwrap_or_default().split_ascii_whitespace().map(find).collect::<Option<Vec<_>>>();
    quirks.ok_or(Refusal::invalid_request("`play` names a quirk that the Sandbox does not know."))
}

impl SandboxGrant {
    pub fn plays(&self, quirk: Quirk) -> bool {
        self.troubles.iter().any(|code| code == quirk.code())
    }
}

#[cfg(test)]
mod tests {
    use panora_pages::SandboxTrouble;

    use super::*;

    #[test]
    fn no_quirk_has_the_code_of_a_trouble_since_a_grant_keeps_both_in_one_list() {
        assert!(Quirk::ALL.iter().all(|quirk| SandboxTrouble::from_code(quirk.code()).is_none()));
    }

    #[test]
    fn an_unknown_quirk_is_refused() {
        assert_eq!(read(Some("json  basic")).ok(), Some(vec![Quirk::Json, Quirk::Basic]));
        assert!(read(Some("json polka")).is_err());
        assert_eq!(read(None).ok(), Some(Vec::new()));
    }
}
