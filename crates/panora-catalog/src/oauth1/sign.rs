//! Signatures of OAuth 1.0a: the base string, the key, the header (RFC 5849, sections 3.3 to 3.6).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use percent_encoding::{percent_decode, percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use sha1::Sha1;
use sha2::Sha256;
use url::Url;

use crate::credential::Client;
use crate::file::SignatureMethod;
use crate::request::{HttpRequest, Pairs};
use crate::values::{ESCAPED, RenderError};

/// What makes a signature the only one of its kind: never used twice.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Random text.
    pub nonce: String,
    pub unix_seconds: i64,
}

/// All that a signature is made of beside the request and the stamp.
#[derive(Clone, PartialEq, Eq)]
pub struct Signing {
    method: SignatureMethod,
    realm: Option<String>,
    key: String,
    /// Section 3.4.2: the client's secret and the token's, encoded and joined.
    secrets: String,
    token: Option<String>,
    /// Further protocol parameters: `oauth_callback`, `oauth_verifier`.
    more: Vec<(&'static str, String)>,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing").field("method", &self.method).finish_non_exhaustive()
    }
}

impl HttpRequest {
    /// The request with its signature, where it has to have one.
    #[must_use]
    pub fn signed(mut self, stamp: &Stamp) -> Self {
        if let Some(signing) = self.signing.take() {
            let form = self.body.as_deref().filter(|_| self.is_form());
            let header = signing.header(&self.method, &self.url, form, stamp);
            self.headers.push(header);
        }
        self
    }

    fn is_form(&self) -> bool {
        self.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("content-type") && is_form(value))
    }
}

/// Whether a content type is that of a form, whose fields are signed too (section 3.4.1.3.1).
pub fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

impl Signing {
    pub(crate) fn new(
        method: SignatureMethod,
        realm: Option<String>,
        client: &Client,
        token: Option<(&str, &SecretString)>,
    ) -> Result<Self, RenderError> {
        let plain = |realm: &String| realm.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if !realm.as_ref().is_none_or(plain) {
            return Err(RenderError::ValueNotAllowed("realm".to_owned()));
        }
        let secret = |secret: Option<&SecretString>| {
            encoded(secret.map(SecretString::expose_secret).unwrap_or_default().as_bytes())
        };
        let secrets = format!("{}&{}", secret(client.secret.as_ref()), secret(token.map(|it| it.1)));
        let token = token.map(|(token, _)| token.to_owned());
        Ok(Self { method, realm, key: client.id.clone(), secrets, token, more: Vec::new() })
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_owned()));
        self
    }

    /// The `Authorization` header (section 3.5.1): made anew for each time that a request is sent. `form` is its body where
    /// its content type says that it is a form.
    pub fn header(&self, method: &Method, url: &Url, form: Option<&[u8]>, stamp: &Stamp) -> (String, String) {
        let timestamp = stamp.unix_seconds.to_string();
        let mut protocol = vec![("oauth_consumer_key", self.key.as_str())];
        protocol.extend(self.token.as_deref().map(|token| ("oauth_token", token)));
        protocol.extend([
            ("oauth_signature_method", self.method_name()),
            ("oauth_timestamp", &timestamp),
            ("oauth_nonce", &stamp.nonce),
            ("oauth_version", "1.0"),
        ]);
        protocol.extend(self.more.iter().map(|(name, value)| (*name, value.as_str())));
        let signature = self.signature(&base_string(method, url, form, &protocol));
        protocol.push(("oauth_signature", &signature));
        let realm = self.realm.as_ref().map(|realm| realm.replace('\\', "\\\\").replace('"', "\\\""));
        let realm = realm.map(|realm| format!("realm=\"{realm}\""));
        let pairs = protocol.iter().map(|(name, value)| format!("{name}=\"{}\"", encoded(value.as_bytes())));
        let all: Vec<String> = realm.into_iter().chain(pairs).collect();
        ("Authorization".to_owned(), format!("OAuth {}", all.join(", ")))
    }

    fn method_name(&self) -> &'static str {
        match self.method {
            SignatureMethod::HmacSha1 => "HMAC-SHA1",
            SignatureMethod::HmacSha256 => "HMAC-SHA256",
            SignatureMethod::Plaintext => "PLAINTEXT",
        }
    }

    pub(super) fn signature(&self, text: &str) -> String {
        let key = self.secrets.as_bytes();
        match self.method {
            SignatureMethod::Plaintext => self.secrets.clone(),
            SignatureMethod::HmacSha1 => {
                let mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
                STANDARD.encode(mac.chain_update(text).finalize().into_bytes())
            }
            SignatureMethod::HmacSha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
                STANDARD.encode(mac.chain_update(text).finalize().into_bytes())
            }
        }
    }
}

/// What is signed (section 3.4.1): the method, the URL without its query, and every parameter, sorted.
pub(super) fn base_string(
    method: &Method,
    url: &Url,
    form: Option<&[u8]>,
    protocol: &[(&str, &str)],
) -> String {
    let mut parameters = pairs(url.query().unwrap_or_default().as_bytes());
    parameters.extend(pairs(form.unwrap_or_default()));
    let own = protocol.iter().map(|(name, value)| (encoded(name.as_bytes()), encoded(value.as_bytes())));
    parameters.extend(own);
    parameters.sort();
    let joined: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    format!("{method}&{}&{}", encoded(base.as_str().as_bytes()), encoded(joined.join("&").as_bytes()))
}

/// The pairs of a form or a query, decoded byte by byte, whatever text they make, and encoded as they are signed.
fn pairs(form: &[u8]) -> Pairs {
    let again = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        encoded(&percent_decode(&spaced).collect::<Vec<u8>>())
    };
    let pairs = form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            (again(name), again(value))
        })
        .collect()
}

/// Section 3.6.
fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, ESCAPED).to_string()
}
