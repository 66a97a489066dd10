//! What the command line says of its settings: never a secret.

use std::process::{Command, Output};

use crate::support::Database;

/// `panora` beside a `panora.toml` that says this.
async fn panora(toml: &str, arguments: &[&str]) -> Output {
    let database = Database::fresh().await;
    std::fs::write(database.folder.join("panora.toml"), toml).expect("the folder can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_panora"));
    command.args(arguments).current_dir(&database.folder).env_clear().output().expect("the binary can be run")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn help_shows_no_secret_of_the_file() {
    let toml = "database_url = \"postgres://panora:swordfish@db/panora\"\n\
                bootstrap_api_key = \"swordfish-0123456789012345678901234567890\"\n\
                encryption_keys = \"swordfishMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY=\"\n\
                public_url = \"https://connect.acme.example\"\n\
                [clients.hubspot]\nid = \"an-id\"\nsecret = \"swordfish\"\n";
    for arguments in [["serve", "--help"], ["api-keys", "--help"], ["demo", "--help"]] {
        let output = panora(toml, &arguments).await;
        assert!(output.status.success() && !said(&output).contains("swordfish"), "{}", said(&output));
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_by_line_without_what_stands_there() {
    for broken in [
        "bind = \"127.0.0.1:0\"\nencryption_keys = \"swordfish\n",
        "bind = \"127.0.0.1:0\"\nencryption_keys = swordfish\n",
        "bind = \"127.0.0.1:0\"\nencryption_keys = [\"swordfish\"]\n",
        "bind = \"127.0.0.1:0\"\n[clients.hubspot]\nsecret = \"swordfish\" x\n",
    ] {
        let output = panora(broken, &["serve"]).await;
        assert!(!output.status.success() && !said(&output).contains("swordfish"), "{}", said(&output));
        assert!(said(&output).contains("panora.toml"), "{}", said(&output));
    }
}

#[tokio::test]
async fn an_address_without_its_ip_is_told_with_it() {
    for address in [["--bind", "localhost:3208"], ["--bind", "3208"], ["--bind", ":3208"], ["--port", "3208"]]
    {
        for command in ["serve", "demo"] {
            let output = panora("", &[command, address[0], address[1]]).await;
            let said = said(&output);
            assert!(!output.status.success(), "{said}");
            assert!(
                said.contains("'--bind <ADDR:PORT>'") && said.contains("such as 127.0.0.1:3208"),
                "{said}"
            );
        }
    }
    for (address, with_port) in [("0.0.0.0", "0.0.0.0:3000"), ("::1", "[::1]:3000")] {
        let output = panora("", &["serve", "--bind", address]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("such as {with_port}")), "{said}");
    }
}

#[tokio::test]
async fn a_data_folder_that_is_a_file_is_called_one() {
    let output = panora("", &["serve", "--bind", "127.0.0.1:0", "--data-dir", "panora.toml"]).await;
    assert_eq!(said(&output).trim(), "panora: panora.toml is a file, not a folder");
}

#[tokio::test]
async fn doctor_s_help_names_the_settings_that_it_reads_and_no_other() {
    let output = panora("", &["doctor", "--help"]).await;
    for (setting, is_named) in [
        ("--data-dir", true),
        ("--public-url", true),
        ("--providers-dir", true),
        ("--allowed-private-networks", true),
        ("--worker-threads", false),
        ("--retention-days", false),
        ("--shutdown-seconds", false),
        ("--bootstrap-api-key", false),
        ("--api-rate-limit", false),
        ("--log", false),
    ] {
        assert_eq!(said(&output).contains(setting), is_named, "{setting}");
    }
}
