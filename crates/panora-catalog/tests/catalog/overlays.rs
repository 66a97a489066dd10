//! An installation's own files, and each project's.

use panora_catalog::{Catalog, CatalogError, ProviderOrigin};

use crate::support::{folder, public_url};

fn file(slug: &str, name: &str) -> String {
    format!(
        r##"
slug: {slug}
name: {name}
verticals: [crm]
colour: "#000000"
docs: https://acme.example.com/
auth: api_key
credentials:
  - {{name: api_key, label: Key}}
api:
  base_url: https://api.acme.example.com
  headers: {{X-Key: "{{api_key}}"}}
"##
    )
}

#[test]
fn an_installations_file_wins_over_the_built_in_and_a_projects_over_both_for_that_project_alone() {
    let dir = folder(
        "overlay",
        &[
            ("hubspot.yaml", &file("hubspot", "Our HubSpot")),
            ("p1/hubspot.yaml", &file("hubspot", "Their HubSpot")),
            ("p1/acme.yaml", &file("acme", "Acme")),
            ("..data/broken.yaml", "a copy that a mounted volume keeps"),
        ],
    );
    let catalog = Catalog::load(Some(&dir), &public_url()).expect("the files are sound");
    let found = |project: &str, slug: &str| {
        catalog.get(project, slug).map(|provider| (provider.name().to_owned(), provider.origin().clone()))
    };
    assert_eq!(found("p1", "github"), Some(("GitHub".to_owned(), ProviderOrigin::BuiltIn)));
    assert_eq!(found("p2", "hubspot"), Some(("Our HubSpot".to_owned(), ProviderOrigin::Installation)));
    let own = ProviderOrigin::Project("p1".to_owned());
    assert_eq!(found("p1", "hubspot"), Some(("Their HubSpot".to_owned(), own.clone())));
    assert_eq!(found("p1", "acme"), Some(("Acme".to_owned(), own)));
    assert_eq!(found("p2", "acme"), None);
}

#[test]
fn providers_are_listed_by_name() {
    let catalog = Catalog::load(None, &public_url()).expect("built-in files are sound");
    let names: Vec<String> =
        catalog.list("p1").iter().map(|provider| provider.name().to_lowercase()).collect();
    assert!(names.len() >= 7 && names.is_sorted(), "{names:?}");
}

#[test]
fn a_broken_file_stops_the_load_and_says_where() {
    let dir = folder("broken", &[("p1/acme.yaml", "slug: acme\nname: Acme\nfrobnicate: 1\n")]);
    let error = Catalog::load(Some(&dir), &public_url()).expect_err("it is broken");
    let CatalogError::File(error) = error else { panic!("{error}") };
    assert!(error.file.ends_with("p1/acme.yaml") && error.mistakes.iter().any(|it| it.line == 3), "{error}");
}

#[test]
fn a_projects_file_that_claims_anothers_issuer_takes_its_codes_where_that_one_does() {
    let google = include_str!("../../../../catalog/google_drive.yaml").replace("google_drive", "acme");
    let dir = folder("issuer", &[("p1/acme.yaml", &google)]);
    Catalog::load(Some(&dir), &public_url()).expect("it is as the built-in one");
    let stolen = google.replace("https://oauth2.googleapis.com/token", "https://evil.example/token");
    let dir = folder("stolen_issuer", &[("p1/acme.yaml", &stolen)]);
    let error = Catalog::load(Some(&dir), &public_url()).expect_err("it would get Google's codes");
    let CatalogError::File(error) = error else { panic!("{error}") };
    assert!(
        error.file.ends_with("p1/acme.yaml") && error.mistakes[0].problem.contains("accounts.google.com"),
        "{error}"
    );
    // The installation's own file is believed.
    let dir = folder("own_issuer", &[("acme.yaml", &stolen)]);
    Catalog::load(Some(&dir), &public_url()).expect("it is the installation's");
}
