//! What answers of providers mean.

use panora_catalog::{Account, RefusalKind, RevocationOutcome};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{acme, built_in, variables};

const NOW: i64 = 1_700_000_000_000;

#[test]
fn a_standard_answer_is_a_grant() {
    let body = json!({
        "access_token": "A", "refresh_token": "R", "expires_in": 60, "token_type": "bearer", "scope": "contacts.read profile",
    });
    let grant = built_in("sandbox").read_token_answer(200, &body, NOW).expect("it is a grant");
    assert_eq!(grant.access_token.expose_secret(), "A");
    assert_eq!(grant.refresh_token.map(|token| token.expose_secret().to_owned()).as_deref(), Some("R"));
    assert_eq!(grant.expires_at_ms, Some(NOW + 60_000));
    assert_eq!(grant.scopes, Some(vec!["contacts.read".to_owned(), "profile".to_owned()]));
}

#[test]
fn a_token_that_never_expires_has_no_expiry_and_scopes_may_be_divided_by_commas() {
    let body = json!({"access_token": "A", "scope": "repo,read:org", "token_type": "bearer"});
    let grant = built_in("github").read_token_answer(200, &body, NOW).expect("it is a grant");
    assert_eq!(grant.expires_at_ms, None);
    assert!(grant.refresh_token.is_none());
    assert_eq!(grant.scopes, Some(vec!["repo".to_owned(), "read:org".to_owned()]));
}

#[test]
fn a_slack_persons_token_is_read_with_what_stands_beside_it() {
    let body = json!({
        "ok": true, "refresh_token": "not this one",
        "authed_user": {"access_token": "xoxp", "refresh_token": "xoxe", "expires_in": "43200", "scope": "chat:write"},
    });
    let grant = built_in("slack").read_token_answer(200, &body, NOW).expect("it is a grant");
    assert_eq!(grant.access_token.expose_secret(), "xoxp");
    assert_eq!(grant.refresh_token.expect("it is there").expose_secret(), "xoxe");
    assert_eq!(grant.expires_at_ms, Some(NOW + 43_200_000));
}

#[test]
fn an_expiry_is_read_in_every_spelling() {
    for (number, (expires, body, at)) in [
        ("{in: /e}", json!({"e": 0}), Some(NOW)),
        ("{in: /e}", json!({"e": "3600"}), Some(NOW + 3_600_000)),
        ("{in: /e}", json!({"e": 3600.9}), Some(NOW + 3_600_000)),
        ("{in: /e}", json!({"e": null}), None),
        // A hundred years from now stands for whatever is later.
        ("{in: /e}", json!({"e": 9_223_372_036_854_775_807_i64}), Some(NOW + 100 * 366 * 86_400_000)),
        ("{at_seconds: /e}", json!({"e": 1_700_000_060}), Some(NOW + 60_000)),
        ("{at_milliseconds: /e}", json!({"e": 1_700_000_060_000_i64}), Some(NOW + 60_000)),
        ("{at_text: /e}", json!({"e": "2023-11-14T22:13:20Z"}), Some(NOW)),
        ("{at_text: /e}", json!({"e": "soon"}), None),
        ("{lifetime: 3600}", json!({}), Some(NOW + 3_600_000)),
        ("never", json!({"e": 0, "expires_in": 0}), None),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!(
            r##"
slug: acme
name: Acme
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: oauth2_code
authorization: {{url: https://acme.example.com/authorize}}
token:
  url: https://acme.example.com/token
  answers: [{{access_token: /data/token, expires: {expires}}}]
scopes: {{default: []}}
api: {{base_url: https://acme.example.com}}
"##
        );
        let mut body = body;
        body["data"] = json!({"token": "A"});
        let grant = acme(&format!("expiry{number}"), &file).read_token_answer(200, &body, NOW);
        assert_eq!(grant.expect("it is a grant").expires_at_ms, at, "{expires} {body}");
    }
}

#[test]
fn a_refusal_says_who_can_help() {
    for (slug, status, body, error, kind) in [
        ("sandbox", 400, json!({"error": "invalid_grant"}), "invalid_grant", RefusalKind::GrantLost),
        ("sandbox", 401, json!({"error": "invalid_client"}), "invalid_client", RefusalKind::ClientRefused),
        ("sandbox", 500, Value::Null, "http_500", RefusalKind::TryLater),
        ("sandbox", 429, json!({"error": "slow_down"}), "slow_down", RefusalKind::TryLater),
        ("sandbox", 200, Value::Null, "http_200", RefusalKind::Unusable),
        ("sandbox", 200, json!({"access_token": ""}), "http_200", RefusalKind::Unusable),
        ("sandbox", 200, json!({"access_token": 7}), "http_200", RefusalKind::Unusable),
        ("sandbox", 400, json!({"access_token": "A"}), "http_400", RefusalKind::Unusable),
        (
            "github",
            200,
            json!({"error": "bad_verification_code"}),
            "bad_verification_code",
            RefusalKind::GrantLost,
        ),
        (
            "slack",
            200,
            json!({"ok": false, "error": "token_revoked"}),
            "token_revoked",
            RefusalKind::GrantLost,
        ),
    ] {
        let refusal = built_in(slug).read_token_answer(status, &body, NOW).expect_err("it is a refusal");
        assert_eq!((refusal.error.as_str(), refusal.kind), (error, kind), "{slug} {status} {body}");
    }
}

#[test]
fn no_refusal_repeats_what_could_be_a_secret() {
    for error in ["sk_live_4242", "the code abc is wrong", &"x".repeat(49), "<script>"] {
        let body = json!({"error": error, "error_description": "SECRET", "refresh_token": "SECRET"});
        let refusal = built_in("sandbox").read_token_answer(400, &body, NOW).expect_err("it is a refusal");
        assert_eq!(refusal.to_string(), "the provider refused: http_400");
    }
}

#[test]
fn a_token_beyond_any_measure_is_refused_and_never_cut() {
    let body = json!({"access_token": "A".repeat(16 * 1024 + 1)});
    assert!(built_in("sandbox").read_token_answer(200, &body, NOW).is_err());
}

#[test]
fn a_revocation_is_done_or_tried_again_or_given_up() {
    for (slug, status, body, outcome) in [
        ("sandbox", 200, Value::Null, RevocationOutcome::Done),
        ("sandbox", 503, Value::Null, RevocationOutcome::TryLater),
        ("sandbox", 429, Value::Null, RevocationOutcome::TryLater),
        ("sandbox", 401, json!({"error": "invalid_client"}), RevocationOutcome::Refused),
        ("github", 204, Value::Null, RevocationOutcome::Done),
        ("github", 404, json!({"message": "Not Found"}), RevocationOutcome::Done),
        ("google_drive", 400, json!({"error": "invalid_token"}), RevocationOutcome::Done),
        ("google_drive", 400, json!({"error": "invalid_request"}), RevocationOutcome::Refused),
        ("slack", 200, json!({"ok": true, "revoked": true}), RevocationOutcome::Done),
        ("slack", 200, json!({"ok": false, "error": "token_revoked"}), RevocationOutcome::Done),
        ("slack", 200, json!({"ok": false, "error": "not_allowed"}), RevocationOutcome::Refused),
        ("zendesk", 401, json!({"error": "invalid_token"}), RevocationOutcome::Done),
    ] {
        assert_eq!(built_in(slug).read_revocation(status, &body), outcome, "{slug} {status} {body}");
    }
}

#[test]
fn an_account_is_read_from_where_each_provider_puts_it() {
    let account = |id: &str, name: &str, email: Option<&str>| Account {
        id: Some(id.to_owned()),
        name: Some(name.to_owned()),
        email: email.map(str::to_owned),
    };
    let ada = Some("ada@acme.com");
    for (slug, body, expected) in [
        ("sandbox", json!({"id": "u1", "name": "Ada", "email": "ada@acme.com"}), account("u1", "Ada", ada)),
        ("hubspot", json!({"portalId": 12345}), account("12345", "HubSpot 12345", None)),
        ("github", json!({"id": 1, "login": "ada", "name": null, "email": null}), account("1", "ada", None)),
        (
            "google_drive",
            json!({"user": {"permissionId": "77", "displayName": "Ada", "emailAddress": "ada@acme.com"}}),
            account("77", "Ada", ada),
        ),
        (
            "zendesk",
            json!({"user": {"id": 35436, "name": "Ada", "email": "ada@acme.com"}}),
            account("acme/35436", "Ada", ada),
        ),
        (
            "slack",
            json!({"ok": true, "team": "Acme", "team_id": "T1", "user_id": "U1"}),
            account("T1", "Acme", None),
        ),
        (
            "linear",
            json!({"data": {"viewer": {"id": "v", "name": "Ada", "email": "ada@acme.com"}, "organization": {"name": "Acme"}}}),
            account("v", "Ada \u{b7} Acme", ada),
        ),
    ] {
        assert_eq!(
            built_in(slug).read_identity(&body, &variables(&[("subdomain", "acme")])),
            expected,
            "{slug}"
        );
    }
}

#[test]
fn an_account_that_is_not_told_is_none_and_a_long_name_is_cut() {
    let sandbox = built_in("sandbox");
    assert_eq!(sandbox.read_identity(&Value::Null, &variables(&[])), Account::default());
    let long = json!({"id": {"a": 1}, "name": "\u{e9}\u{0}".repeat(3_000)});
    let account = sandbox.read_identity(&long, &variables(&[]));
    assert_eq!((account.id, account.name), (None, Some("\u{e9}".repeat(2_048))));
}

#[test]
fn scopes_that_were_asked_for_and_not_granted_are_missing() {
    let sandbox = built_in("sandbox");
    let asked = sandbox.default_scopes();
    assert_eq!(
        sandbox.missing_scopes(&asked, Some(&["profile".to_owned()])),
        ["contacts.read", "contacts.write"]
    );
    assert!(sandbox.missing_scopes(&asked, None).is_empty());
    assert_eq!(
        sandbox.sharing(&["contacts.read".to_owned()]),
        ["can read your contacts", "cannot delete anything"]
    );
}
