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
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("keyed.yaml: good\n"), "{}", text(&output.stdout));
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
    assert!(said.contains("oauth.yaml:1: oauth2_code needs `scopes` (`default: []` for none)\n"), "{said}");
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

#[test]
fn the_list_tells_what_nobody_has_verified_and_calls_nothing_tried() {
    let doubtful = GOOD.to_owned() + "unverified: [where the e-mail address is, the limit]\n";
    let sound = GOOD.replace("slug: keyed", "slug: plain");
    let folder = folder("providers_unverified", &[("keyed.yaml", &doubtful), ("plain.yaml", &sound)]);
    let said = text(&providers(&folder, &["list", "--providers-dir", "."]).stdout);
    let line = |slug: &str| said.lines().find(|line| line.starts_with(slug)).unwrap_or_default();
    assert!(line("PROVIDER ").ends_with("  UNVERIFIED") && !said.contains("TRIED"), "{said}");
    assert!(line("keyed ").ends_with("  2") && line("plain ").ends_with("  -"), "{said}");
    let said = text(&providers(&folder, &["list", "--providers-dir", ".", "--unverified"]).stdout);
    let facts: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("keyed ")).map(str::trim).collect();
    assert_eq!(facts, ["where the e-mail address is", "the limit"], "{said}");
}

#[test]
fn a_project_without_files_is_refused_with_those_that_have_some() {
    let folder = folder("providers_project", &[]);
    fs::create_dir_all(folder.join("proj_1")).expect("the folder can be made");
    fs::write(folder.join("proj_1/keyed.yaml"), GOOD).expect("the file can be written");
    let known = providers(&folder, &["list", "--providers-dir", ".", "--project", "proj_1"]);
    assert!(text(&known.stdout).contains("keyed "), "{}", text(&known.stderr));
    let unknown = providers(&folder, &["list", "--providers-dir", ".", "--project", "nope"]);
    let said = text(&unknown.stderr);
    assert_eq!(unknown.status.code(), Some(1), "{said}");
    assert!(said.contains("no files of a project `nope`") && said.contains("proj_1"), "{said}");
    let nowhere = providers(&folder, &["list", "--project", "proj_1"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("--providers-dir"), "{}", text(&nowhere.stderr));
}

#[test]
fn a_list_that_nobody_reads_to_the_end_ends_quietly() {
    let folder = folder("providers_unread", &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_panora"));
    command.current_dir(&folder).env_remove("PANORA_PROVIDERS_DIR").env_remove("PANORA_CONFIG");
    let (reader, writer) = std::io::pipe().expect("there is a pipe");
    drop(reader);
    let output = command.args(["providers", "list"]).stdout(writer).output().expect("it runs");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn a_list_that_cannot_be_written_is_no_success() {
    let folder = folder("providers_full", &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_panora"));
    command.current_dir(&folder).env_remove("PANORA_PROVIDERS_DIR").env_remove("PANORA_CONFIG");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("there is one");
    let output = command.args(["providers", "list"]).stdout(full).output().expect("it runs");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be written") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_folder_in_the_place_of_a_file_is_called_one() {
    let folder = folder("providers_folder", &[]);
    fs::create_dir_all(folder.join("mine")).expect("the folder can be made");
    let output = providers(&folder, &["check", "mine"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("mine is a folder: name the files in it"), "{said}");
    assert!(said.contains("the file cannot be used"), "{said}");
}

#[test]
fn a_file_by_which_no_key_is_tried_passes_with_a_note() {
    let tried = GOOD.to_owned() + "verify: {request: {url: /me}}\n";
    let folder = folder("providers_note", &[("keyed.yaml", GOOD)]);
    let note = "keyed.yaml: note: nobody tries a key before it is used: `verify`, or `identity` with a `request`, would";
    let output = providers(&folder, &["check", "keyed.yaml"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains(note), "{}", text(&output.stdout));
    fs::write(folder.join("keyed.yaml"), tried).expect("the file can be written");
    let output = providers(&folder, &["check", "keyed.yaml"]);
    assert_eq!(text(&output.stdout).trim(), "keyed.yaml: good");
}
