//! The provider files of the documentation: each is sound, and the annotated one with whatever it offers.

use panora_catalog::Catalog;

use crate::support::{acme, folder, public_url};

const PAGE: &str = include_str!("../../../../docs/adding-a-provider.md");

fn blocks() -> impl Iterator<Item = &'static str> {
    PAGE.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next())
}

/// The file with every key that it knows of.
fn annotated() -> &'static str {
    blocks().next().expect("it has one")
}

#[test]
fn every_whole_file_of_the_documentation_is_sound() {
    let whole: Vec<_> = blocks().filter(|block| block.starts_with("slug: ")).collect();
    assert!(whole.len() > 1 && whole.iter().any(|file| file.starts_with("slug: rehearsal\n")));
    for text in whole {
        let name = text.lines().next().unwrap_or_default();
        let slug = name.trim_start_matches("slug: ").split(' ').next().unwrap_or_default();
        let dir = folder(&format!("documented_{slug}"), &[(&format!("{slug}.yaml"), text)]);
        let loaded = Catalog::load(Some(&dir), &public_url());
        assert!(loaded.is_ok_and(|catalog| catalog.get("", slug).is_some()), "{text}");
    }
}

#[test]
fn the_annotated_file_of_the_documentation_is_sound() {
    assert_eq!(acme("documented", annotated()).questions()[0].shown("north"), "north.acme.com");
}

#[test]
fn each_optional_part_of_the_annotated_file_can_be_taken_alone() {
    let parts = optional_parts(annotated());
    assert!(parts.len() > 50, "{}", parts.len());
    let mut refused = Vec::new();
    for part in &parts {
        let dir = folder("uncommented", &[("acme.yaml", &with_part(annotated(), part))]);
        if let Err(error) = Catalog::check_file(&dir.join("acme.yaml")) {
            refused.push(error.to_string());
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Where the comments that are words begin, at the left of which there is none.
const WORDS: usize = 32;

/// The numbers of the lines of each part that is commented out: a line, and those that are indented under it.
fn optional_parts(file: &str) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for (number, line) in file.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(text) = line.trim_start().strip_prefix("# ").filter(|_| indent < WORDS) else { continue };
        match parts.last_mut() {
            Some(part) if text.starts_with(' ') && part.last() == Some(&(number - 1)) => part.push(number),
            _ => parts.push(vec![number]),
        }
    }
    parts
}

fn with_part(file: &str, part: &[usize]) -> String {
    let lines = file.lines().enumerate().map(|(number, line)| {
        if part.contains(&number) { line.replacen("# ", "", 1) } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}
