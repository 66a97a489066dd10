//! What is promised of every page, in every state of the gallery.

#[path = "../examples/gallery/states.rs"]
mod states;

use panora_pages::{
    CredentialProblem, CredentialsPage, Customer, DocsPage, DoctorEntry, DoctorPage, DoctorSeverity, Failure,
    FailurePage, Field, Frame, PickerEntry, PickerPage, Provider, asset,
};
use serde_json::{Value, json};

const HOSTILE: &str = "<script>alert(1)</script>\"' onload=x {customer}";

/// The start tags of a page, each without its angle brackets.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag)
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))?.1.split_once('"').map(|(value, _)| value)
}

/// Fails with the pages and tags that `wrong` points out.
fn assert_of_every_tag(wrong: impl Fn(&str, &str) -> bool) {
    for (name, html) in states::all() {
        let found: Vec<_> = tags(&html).filter(|tag| wrong(&html, tag)).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn no_page_has_an_inline_script_style_or_handler() {
    assert_of_every_tag(|_, tag| {
        let inline = tag.starts_with("script") && attribute(tag, "src").is_none();
        let words = tag.split_whitespace().skip(1);
        let handler = words.filter_map(|word| word.split_once('=')).any(|(name, _)| name.starts_with("on"));
        inline || handler || tag.starts_with("style") || attribute(tag, "style").is_some()
    });
}

#[test]
fn no_page_refers_to_another_site_unencrypted() {
    assert_of_every_tag(|_, tag| {
        ["href", "src", "action"]
            .iter()
            .filter_map(|name| attribute(tag, name))
            .any(|to| to.starts_with("http:"))
    });
}

#[test]
fn every_asset_that_a_page_names_exists() {
    assert_of_every_tag(|_, tag| {
        let named = attribute(tag, "href").or_else(|| attribute(tag, "src"));
        let path = named.and_then(|url| url.strip_prefix("/assets/")).and_then(|rest| rest.split_once('?'));
        path.is_some_and(|(path, _)| asset(path).is_none())
    });
}

#[test]
fn every_field_has_a_label() {
    assert_of_every_tag(|html, tag| {
        if !tag.starts_with("input ") || attribute(tag, "type") == Some("hidden") {
            return false;
        }
        let labelled = attribute(tag, "id").is_some_and(|id| html.contains(&format!("for=\"{id}\"")));
        !labelled && !is_within_a_label(html, tag)
    });
}

/// Whether the tag comes right after a label's start.
fn is_within_a_label(html: &str, tag: &str) -> bool {
    let before = html.split(&format!("<{tag}>")).next().unwrap_or_default();
    before.rsplit('<').next().is_some_and(|last| last.starts_with("label "))
}

#[test]
fn every_page_has_a_language_a_title_and_one_first_heading() {
    for (name, html) in states::all() {
        assert!(html.contains("<html lang=\"en\" dir=\"ltr\">"), "{name}");
        assert!(!html.contains("<title></title>"), "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
    }
}

#[test]
fn no_page_shows_an_unfilled_place() {
    for (name, html) in states::all().into_iter().filter(|(name, _)| name != "docs") {
        let shown: String = html.split('>').filter_map(|part| part.split('<').next()).collect();
        assert!(!shown.contains('{'), "{name}: {shown}");
    }
}

#[test]
fn no_page_refreshes_by_itself() {
    assert_of_every_tag(|_, tag| tag.starts_with("meta") && tag.contains("http-equiv"));
}

fn hostile_frame() -> Frame {
    let customer = Customer {
        name: HOSTILE.to_owned(),
        logo_url: Some("javascript:alert(1)".to_owned()),
        color: Some(HOSTILE.to_owned()),
        support_email: Some(HOSTILE.to_owned()),
        privacy_url: Some("javascript:alert(1)".to_owned()),
    };
    Frame { customer: Some(customer), for_whom: Some(HOSTILE.to_owned()), ..Frame::default() }
}

fn hostile_provider() -> Provider {
    Provider {
        slug: HOSTILE.to_owned(),
        name: HOSTILE.to_owned(),
        vertical: HOSTILE.to_owned(),
        ..Provider::default()
    }
}

fn assert_harmless(html: &str) {
    assert!(!html.contains("<script>"), "a script came through");
    assert!(!html.contains("javascript:"), "a script address came through");
    assert!(tags(html).all(|tag| attribute(tag, "onload").is_none()), "a handler came through");
}

#[test]
fn what_others_wrote_is_text_on_the_picker() {
    let entry = PickerEntry {
        provider: hostile_provider(),
        keywords: vec![HOSTILE.to_owned()],
        connected: Some(HOSTILE.to_owned()),
    };
    let page = PickerPage {
        frame: hostile_frame(),
        id_flow: HOSTILE.to_owned(),
        entries: vec![entry],
        total: 20,
        verticals: vec![HOSTILE.to_owned(), "crm".to_owned()],
        search: HOSTILE.to_owned(),
        vertical: Some(HOSTILE.to_owned()),
        expires_in: None,
    };
    assert_harmless(&page.render());
}

#[test]
fn what_others_wrote_is_text_on_a_failure() {
    let page = FailurePage {
        frame: hostile_frame(),
        failure: Failure::ProviderError,
        provider_name: Some(HOSTILE.to_owned()),
        details: vec![HOSTILE.to_owned()],
        action_url: Some(HOSTILE.to_owned()),
        return_url: Some("javascript:alert(1)".to_owned()),
        reference: HOSTILE.to_owned(),
    };
    assert_harmless(&page.render());
}

#[test]
fn what_others_wrote_is_text_in_the_reference() {
    let operation = json!({"operationId": HOSTILE, "summary": HOSTILE, "description": HOSTILE, "tags": [HOSTILE],
        "parameters": [{"name": HOSTILE, "in": HOSTILE, "required": true}]});
    let document =
        json!({"info": {"title": HOSTILE, "description": HOSTILE}, "paths": {HOSTILE: {"post": operation}}});
    assert_harmless(&reference(document));
}

/// The reference that is made of a document.
fn reference(document: Value) -> String {
    let problems = &[("not_found", "There is nothing here."), ("rate_limited", "`Retry-After` says when.")];
    DocsPage { document, problems, public_url: "http://127.0.0.1:3000".into() }.render()
}

#[test]
fn what_is_quoted_as_code_is_shown_as_code() {
    assert!(reference(json!({})).contains("<code>Retry-After</code> says when."));
    let entry = DoctorEntry {
        code: "code",
        severity: DoctorSeverity::Error,
        title: "Title",
        meaning: "It says `invalid_grant`.",
        mend: "Start `panora serve`.",
    };
    let page = DoctorPage { entries: vec![entry] }.render();
    assert!(
        page.contains("<code>invalid_grant</code>") && page.contains("<code>panora serve</code>"),
        "{page}"
    );
}

#[test]
fn a_sample_shows_the_key_only_where_one_is_asked_for() {
    let document = json!({"security": [{"api_key": []}], "paths": {
        "/open": {"get": {"security": [{}]}}, "/shut": {"get": {}}}});
    let page = reference(document);
    let sample =
        |id: &str| page.split(&format!("id=\"sample-{id}\"")).nth(1).and_then(|rest| rest.split('<').next());
    assert!(!sample("get-open").expect("a sample").contains("Authorization"));
    assert!(sample("get-shut").expect("a sample").contains("Authorization"));
}

fn with_secret(problem: Option<CredentialProblem>) -> String {
    let field = |name: &str, secret| Field {
        name: name.to_owned(),
        label: name.to_owned(),
        value: "hunter2".to_owned(),
        secret,
        ..Field::default()
    };
    CredentialsPage {
        frame: Frame::default(),
        id_flow: "flow".to_owned(),
        provider: Provider::default(),
        role: None,
        steps: vec![],
        key_page: None,
        fields: vec![Field { value: "acme".to_owned(), ..field("subdomain", false) }, field("api_key", true)],
        problem,
        tries_left: None,
        action: "/try".to_owned(),
        csrf: "csrf".to_owned(),
        has_choice: false,
    }
    .render()
}

/// The tag of the field that has the focus when the page opens.
fn focused(html: &str) -> &str {
    tags(html).find(|tag| tag.ends_with(" autofocus")).expect("a field has the focus")
}

#[test]
fn a_secret_is_never_sent_back() {
    assert!(!with_secret(Some(CredentialProblem::WrongKey)).contains("hunter2"));
}

#[test]
fn a_problem_is_tied_to_the_field_it_is_about() {
    let wrong_key = with_secret(Some(CredentialProblem::WrongKey));
    assert_eq!(attribute(focused(&wrong_key), "name"), Some("api_key"));
    assert_eq!(attribute(focused(&wrong_key), "aria-describedby").map(str::trim), Some("problem"));
    let wrong_tenant = with_secret(Some(CredentialProblem::WrongTenant));
    assert_eq!(attribute(focused(&wrong_tenant), "name"), Some("subdomain"));
}

#[test]
fn a_provider_that_is_down_blames_no_field() {
    assert!(!with_secret(Some(CredentialProblem::ProviderDown)).contains("aria-invalid"));
}
