//! Signatures beside RFC 5849's own examples, and what the base string promises of any request.

use http::Method;
use proptest::collection::vec;
use proptest::prelude::*;
use secrecy::SecretString;
use url::{Url, form_urlencoded};

use super::sign::{Signing, Stamp, base_string};
use crate::credential::Client;
use crate::file::SignatureMethod;

fn signing(method: SignatureMethod, token: Option<(&str, &str)>) -> Signing {
    let secret = token.map(|(_, secret)| SecretString::from(secret)).unwrap_or_default();
    let client =
        Client { id: "dpf43f3p2l4k3l03".to_owned(), secret: Some(SecretString::from("kd94hf93k423kf44")) };
    let token = token.map(|(token, _)| (token, &secret));
    Signing::new(method, Some("Photos".to_owned()), &client, token).expect("the realm is plain")
}

/// Section 3.4.1.1: a query, a form and protocol parameters, names that repeat, and reserved characters.
#[test]
fn the_base_string_is_the_one_of_the_standards_example() {
    let url = Url::parse("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b").expect("a URL");
    let protocol = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
    ];
    assert_eq!(
        base_string(&Method::POST, &url, Some(b"c2&a3=2+q"), &protocol),
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540\
         %3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DH\
         MAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    );
}

/// What is signed in section 1.2, where the requests leave out `oauth_version`.
fn signed(
    (method, url): (Method, &str),
    token: Option<(&str, &str)>,
    (timestamp, nonce): (&str, &str),
    more: Option<(&str, &str)>,
) -> String {
    let mut protocol = vec![
        ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", timestamp),
        ("oauth_nonce", nonce),
    ];
    protocol.extend(token.map(|(token, _)| ("oauth_token", token)));
    protocol.extend(more);
    let text = base_string(&method, &Url::parse(url).expect("a URL"), None, &protocol);
    signing(SignatureMethod::HmacSha1, token).signature(&text)
}

#[test]
fn signatures_are_those_of_the_standards_example() {
    let initiate = signed(
        (Method::POST, "https://photos.example.net/initiate"),
        None,
        ("137131200", "wIjqoS"),
        Some(("oauth_callback", "http://printer.example.com/ready")),
    );
    let token = signed(
        (Method::POST, "https://photos.example.net/token"),
        Some(("hh5s93j4hdidpola", "hdhd0244k9j7ao03")),
        ("137131201", "walatlh"),
        Some(("oauth_verifier", "hfdp7dh39dks9884")),
    );
    let photos = signed(
        (Method::GET, "http://photos.example.net/photos?file=vacation.jpg&size=original"),
        Some(("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00")),
        ("137131202", "chapoH"),
        None,
    );
    assert_eq!(
        [initiate, token, photos],
        ["74KNZJeDHnMBp0EMJ9ZHt/XKycU=", "gKgrFCywp7rO0OXSjdot/IHF7IU=", "MdpQcU8iPSUjWoN/UDMsK2sui9I="]
    );
}

fn header(method: SignatureMethod) -> String {
    let url = Url::parse("https://photos.example.net/initiate").expect("a URL");
    let signing = signing(method, None).with("oauth_callback", "http://printer.example.com/ready?state=a b");
    let stamp = Stamp { nonce: "wIjqoS".to_owned(), unix_seconds: 137_131_200 };
    let (name, header) = signing.header(&Method::POST, &url, None, &stamp);
    assert_eq!(name, "Authorization");
    header
}

#[test]
fn a_header_holds_the_realm_and_every_protocol_parameter_encoded() {
    // Made with another program.
    insta::assert_snapshot!(header(SignatureMethod::HmacSha256), @r#"
    OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_signature_method="HMAC-SHA256", oauth_timestamp="137131200", oauth_nonce="wIjqoS", oauth_version="1.0", oauth_callback="http%3A%2F%2Fprinter.example.com%2Fready%3Fstate%3Da%20b", oauth_signature="VUxol5zTG1gkvzEMOEogu%2FTQrF46E4yjc%2BXyybjn%2BTw%3D"
    "#);
}

/// Section 3.4.4.
#[test]
fn a_plain_signature_is_the_encoded_secrets() {
    let header = header(SignatureMethod::Plaintext);
    assert!(
        header.ends_with(
            "oauth_signature_method=\"PLAINTEXT\", oauth_timestamp=\"137131200\", \
        oauth_nonce=\"wIjqoS\", oauth_version=\"1.0\", \
        oauth_callback=\"http%3A%2F%2Fprinter.example.com%2Fready%3Fstate%3Da%20b\", \
        oauth_signature=\"kd94hf93k423kf44%26\""
        ),
        "{header}"
    );
}

#[test]
fn what_signs_is_never_printed() {
    let shown = format!("{:?}", signing(SignatureMethod::HmacSha1, Some(("token", "pfkkdhi9sl3r4s00"))));
    assert!(!shown.contains("kd94") && !shown.contains("pfkk"), "{shown}");
}

#[test]
fn a_realm_that_no_header_can_carry_is_refused() {
    let client = Client { id: "id".to_owned(), secret: None };
    let realm = |text: &str| Signing::new(SignatureMethod::HmacSha1, Some(text.to_owned()), &client, None);
    assert!(realm("Acme \"1\"").is_ok());
    assert!(realm("a\r\nX: y").is_err() && realm("\u{e9}").is_err());
}

type Pairs = Vec<(String, String)>;

fn any_pairs() -> impl Strategy<Value = Pairs> {
    vec((any::<String>(), any::<String>()), 0..6)
}

fn form_of(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// What a base string says of the parameters: decoded twice, as they stand.
fn said(base: &str) -> Pairs {
    let parameters = base.splitn(3, '&').nth(2).expect("it has three parts");
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text).decode_utf8().expect("it is UTF-8").into_owned()
    };
    let joined = decode(parameters);
    let pairs = joined.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').map(|(a, b)| (decode(a), decode(b))).expect("a pair")).collect()
}

fn sorted(mut pairs: Pairs) -> Pairs {
    pairs.sort();
    pairs
}

proptest! {
    /// Whatever is sent is signed, and nothing else; neither order nor place of parameters changes what is signed.
    #[test]
    fn a_base_string_says_every_parameter_once(query in any_pairs(), form in any_pairs()) {
        let url = |pairs: &[(String, String)]| {
            Url::parse(&format!("https://api.example.com/a%20b?{}", form_of(pairs))).expect("a URL")
        };
        let base = base_string(&Method::PUT, &url(&query), Some(form_of(&form).as_bytes()), &[("oauth_nonce", "n")]);
        let mut all = [query.clone(), form.clone()].concat();
        all.push(("oauth_nonce".to_owned(), "n".to_owned()));
        prop_assert_eq!(sorted(said(&base)), sorted(all));
        prop_assert!(base.starts_with("PUT&https%3A%2F%2Fapi.example.com%2Fa%2520b&"));

        let mut backwards = [form, query].concat();
        backwards.reverse();
        let moved = base_string(&Method::PUT, &url(&backwards), None, &[("oauth_nonce", "n")]);
        prop_assert_eq!(moved, base);
    }

    /// Bytes that are no text are signed as they are sent, in any spelling of the same bytes.
    #[test]
    fn spellings_of_the_same_bytes_are_signed_alike(bytes in vec(any::<u8>(), 0..12)) {
        let escaped = bytes.iter().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
        let plain: String = percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC)
            .to_string().replace("%20", "+");
        let of = |value: &str| {
            let url = Url::parse(&format!("https://api.example.com/?a={value}")).expect("a URL");
            base_string(&Method::GET, &url, None, &[])
        };
        prop_assert_eq!(of(&escaped), of(&plain));
    }
}
