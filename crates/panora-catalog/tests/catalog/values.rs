//! Values for a provider's variables and credential fields, taken from its file: example, default, choice, host, or
//! the first word that its pattern takes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use panora_catalog::{Provider, Variables};
use regex::Regex;
use secrecy::SecretString;
use serde_json::Value;

/// Words of the shapes that patterns ask for.
const WORDS: &[&str] = &[
    "acme",
    "1234567890",
    "12345",
    "us1",
    "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "4c2a9c1e-7a55-4b1e-9d0c-0d9e8f7a6b5c",
    "acme-company",
    "acme@example.com",
    "ACME",
    "acme_1-us2",
];

pub fn file(slug: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../catalog/{slug}.yaml"));
    let text = fs::read_to_string(path).expect("the file is there");
    serde_saphyr::from_str(&text).expect("it is YAML")
}

/// Everything that is known of an account when its connection stands.
pub fn known_variables(provider: &Provider) -> Variables {
    let file = file(provider.slug());
    let given = listed(&file, "variables").filter(|it| it["from"].get("choice").is_none());
    given.map(|it| (name(it), value(provider, it).expect("a value is found"))).collect()
}

/// What is known before the person chose a site or company.
pub fn before_tenant(provider: &Provider) -> Variables {
    let (file, mut known) = (file(provider.slug()), known_variables(provider));
    let of_tenant = |it: &&Value| it["from"].get("tenant").is_some();
    for variable in listed(&file, "variables").filter(of_tenant) {
        known.remove(&name(variable));
    }
    known
}

pub fn fields(provider: &Provider) -> BTreeMap<String, SecretString> {
    let file = file(provider.slug());
    let typed = |it: &Value| value(provider, it).unwrap_or_else(|| name(it).to_uppercase());
    listed(&file, "credentials").map(|it| (name(it), typed(it).into())).collect()
}

fn listed<'a>(file: &'a Value, section: &str) -> impl Iterator<Item = &'a Value> {
    file[section].as_array().into_iter().flatten()
}

fn name(variable: &Value) -> String {
    variable["name"].as_str().expect("it has a name").to_owned()
}

fn value(provider: &Provider, variable: &Value) -> Option<String> {
    let said = ["example", "default"].iter().find_map(|word| variable[*word].as_str());
    let said = said.or_else(|| variable["one_of"][0].as_str()).map(str::to_owned);
    let said = said.or_else(|| Some(variable["hosts"][0].as_str()?.replace('*', "acme")));
    if let Some(said) = said {
        return Some(said);
    }
    let Some(pattern) = variable["pattern"].as_str() else {
        return variable.get("from").is_some().then(|| "acme".to_owned());
    };
    let pattern = Regex::new(&format!(r"\A(?:{pattern})\z")).expect("the file is sound");
    let word = WORDS.iter().find(|word| pattern.is_match(word));
    let problem = format!("{}: give `{}` an example", provider.slug(), name(variable));
    Some((*word.expect(&problem)).to_owned())
}
