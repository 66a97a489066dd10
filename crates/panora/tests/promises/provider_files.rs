//! The command line over provider files: what is wrong with one, and which there are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const GOOD: &str = "slug: keyed\nname: Keyed\nverticals: [crm]\ncolour: \"#123456\"\n\
    docs: https://keyed.example/\nauth: api_key\ncredentials: [{name: key, label: Key}]\n\
    api: {base_url: https://keyed.example, headers: {X-Key: \"{key}\"}}\n";
const NO_SCOPES: &str = "slug: oauth\nname: OAuth\nverticals: [crm]\ncolour: \"#123456\"\n\
    docs: https://oauth.example/\nauth: oauth2_code\nauthorization: {url: https://oauth.example/a}\n\
    token: {url: https://oauth.example/t}\napi: {base_url: https://oauth.example}\n";

fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder can be made");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("the file can be written");
    }
    folder
}

fn providers(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_panora"));
    command.current_dir(folder).env_remove("PANORA_PROVIDERS_DIR").env_remove("PANORA_CONFIG");
    command.arg("providers").args(words).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_good_file_passes_the_check() {
    let folder = folder("providers_good", &[("keyed.yaml", GOOD)]);
    let output = providers(&folder, &["check", "keyed.yaml"]);
    assert_eq!((output.status.code(), text(&output.stdout).trim()), (Some(0), "keyed.yaml: good"));
}

#[test]
fn each_broken_file_is_explained_by_its_line_and_the_check_fails() {
    let broken = GOOD.replace("#123456", "blue");
    let files = [("keyed.yaml", broken.as_str()), ("oauth.yaml", NO_SCOPES)];
    let folder = folder("providers_broken", &files);
    let output = providers(&folder, &["check", "keyed.yaml", "oauth.yaml", "none.yaml"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("keyed.yaml:4: colour `blue`"), "{said}");
    assert!(said.contains("oauth.yaml:1: oauth2_code needs `authorization`, `token` and `scopes`"), "{said}");
    assert!(said.contains("cannot read none.yaml"), "{said}");
    assert!(said.contains("3 of 3 files cannot be used"), "{said}");
}

#[test]
fn the_list_names_the_built_in_providers_and_the_installations_own() {
    let folder = folder("providers_list", &[("keyed.yaml", GOOD)]);
    let output = providers(&folder, &["list", "--providers-dir", "."]);
    let said = text(&output.stdout);
    let line = |slug: &str| said.lines().find(|line| line.starts_with(slug)).map(str::to_owned);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(line("keyed ").is_some_and(|it| it.contains("api_key")), "{said}");
    assert!(line("sandbox ").is_some_and(|it| it.contains("oauth2_code")), "{said}");
}
