//! A caller's path never leaves the provider's host nor its base path.

use panora_catalog::{CallError, PathError};
use proptest::prelude::*;

use crate::support::{acme, built_in, carried_call, oauth, variables};

fn called(path: &str) -> Result<String, CallError> {
    let sandbox = built_in("sandbox");
    carried_call(&sandbox, &oauth(), &variables(&[]), path, None).map(|call| call.url.to_string())
}

#[test]
fn a_path_is_appended_to_the_base_path_with_its_query() {
    for (path, url) in [
        ("/contacts?limit=2&cursor=a%2Fb", "http://127.0.0.1:3000/sandbox/api/contacts?limit=2&cursor=a%2Fb"),
        ("contacts/1", "http://127.0.0.1:3000/sandbox/api/contacts/1"),
        ("/v1/contacts:batch", "http://127.0.0.1:3000/sandbox/api/v1/contacts:batch"),
        ("/group%2Fproject/", "http://127.0.0.1:3000/sandbox/api/group%2Fproject/"),
        ("/a b/\u{e9}", "http://127.0.0.1:3000/sandbox/api/a%20b/%C3%A9"),
        ("/me?next=https://x/../y", "http://127.0.0.1:3000/sandbox/api/me?next=https://x/../y"),
        ("/...", "http://127.0.0.1:3000/sandbox/api/..."),
        ("", "http://127.0.0.1:3000/sandbox/api/"),
    ] {
        assert_eq!(called(path).as_deref(), Ok(url), "{path}");
    }
}

#[test]
fn a_path_that_could_lead_elsewhere_is_refused() {
    for (path, error) in [
        ("https://evil.example/", PathError::Absolute),
        ("javascript:alert(1)", PathError::Absolute),
        ("//evil.example/", PathError::DoubleSlash),
        ("/a//b", PathError::DoubleSlash),
        ("/../admin", PathError::DotSegment),
        ("..", PathError::DotSegment),
        ("/a/./b", PathError::DotSegment),
        ("/%2e%2e/admin", PathError::DotSegment),
        ("/.%2E/admin", PathError::DotSegment),
        ("/a%2f..%2fb", PathError::DotSegment),
        ("/%252e%252e/admin", PathError::DotSegment),
        ("/..;x=1/admin", PathError::DotSegment),
        ("/..%3fx", PathError::DotSegment),
        ("/a\\..\\b", PathError::Backslash),
        ("/a%5c..%5cb", PathError::Backslash),
        ("/a\r\nHost: evil", PathError::ControlCharacter),
        ("/a%00b", PathError::ControlCharacter),
        ("/.\t./admin", PathError::ControlCharacter),
        ("/a#b", PathError::Fragment),
    ] {
        assert_eq!(called(path), Err(CallError::Path(error)), "{path}");
    }
}

#[test]
fn only_a_listed_host_may_replace_the_base_url() {
    let provider = acme(
        "overrides",
        r##"
slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: api_key
credentials:
  - {name: api_key, label: Key}
api:
  base_url: https://api.acme.example.com/v2
  hosts: [files.acme.example.com, "*.cdn.example.com"]
  headers: {X-Key: "{api_key}"}
"##,
    );
    let fields = [("api_key".to_owned(), secrecy::SecretString::from("KEY"))].into();
    let credential = panora_catalog::Credential::Fields(fields);
    let called = |other: &str| {
        carried_call(&provider, &credential, &variables(&[]), "/x", Some(other)).map(|it| it.url.to_string())
    };
    assert_eq!(called("https://files.acme.example.com").as_deref(), Ok("https://files.acme.example.com/x"));
    assert_eq!(called("https://a.b.cdn.example.com/").as_deref(), Ok("https://a.b.cdn.example.com/x"));
    assert_eq!(
        called("https://api.acme.example.com/v2/").as_deref(),
        Ok("https://api.acme.example.com/v2/x")
    );
    for other in [
        "http://files.acme.example.com",
        "https://files.acme.example.com:8443",
        "https://files.acme.example.com/base",
        "https://user@files.acme.example.com",
        "https://files.acme.example.com?x",
        "https://api.acme.example.com",
        "https://cdn.example.com",
        "https://evilcdn.example.com",
        "https://evil.example",
        "files.acme.example.com",
        "",
    ] {
        assert_eq!(called(other), Err(CallError::OverrideNotAllowed), "{other}");
    }
}

/// Pieces that paths are attacked with, and harmless ones.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "/",
        "//",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5c",
        "\\",
        "?",
        "#",
        ":",
        "@",
        ";",
        "%",
        "%25",
        "%252e",
        "\t",
        "\n",
        "https://evil.example",
        "evil.example",
        "a",
        "contacts",
        "\u{ff0e}",
        "\u{2025}",
        "[",
        "{x}",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "\\PC{0,4}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_path_that_is_taken_stays_under_the_base_path_on_the_same_host(
        path in prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat()),
    ) {
        let Ok(url) = called(&path) else { return Ok(()) };
        prop_assert!(url.starts_with("http://127.0.0.1:3000/sandbox/api/"), "{url}");
        let path = url.split('?').next().unwrap_or_default().to_ascii_lowercase();
        for segment in path.replace("%2e", ".").replace("%2f", "/").split('/') {
            prop_assert!(segment != "." && segment != "..", "{url}");
        }
    }
}
