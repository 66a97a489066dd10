//! `panora.toml`: the same names as the flags, with underscores. What it says is the default that environment
//! and flags win over. An unknown name is an error.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Command;
use toml::{Table, Value};

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, std::io::Error),
    #[error("{0}: {1}")]
    Malformed(String, String),
    #[error("{0}: `{1}` is not a setting (see `panora serve --help`)")]
    Unknown(String, String),
    #[error("{0}: `{1}` must be text, a number or true/false")]
    WrongType(String, String),
}

/// What the file says, by setting. Some of it is secret, so it has no `Debug`.
#[derive(Default)]
pub struct ConfigFile {
    settings: BTreeMap<String, String>,
    /// `[clients.<slug>] id, secret, scopes, settings`, as the variables they stand for.
    clients: BTreeMap<String, String>,
}

impl ConfigFile {
    /// Reads the file; nothing where there is none and `required` is false.
    pub fn read(path: &Path, required: bool) -> Result<Self, FileError> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(Self::default()),
            Err(error) => Err(FileError::Unreadable(name, error)),
        }
    }

    fn parse(name: &str, text: &str) -> Result<Self, FileError> {
        let table: Table =
            text.parse().map_err(|error| FileError::Malformed(name.into(), place(text, &error)))?;
        let mut file = Self::default();
        for (key, value) in table {
            if key == "clients" {
                file.read_clients(name, &value)?;
            } else {
                file.settings.insert(key.clone(), plain(name, &key, &value)?);
            }
        }
        Ok(file)
    }

    fn read_clients(&mut self, name: &str, value: &Value) -> Result<(), FileError> {
        let unknown = |what: &str| FileError::Unknown(name.into(), what.to_owned());
        for (slug, client) in value.as_table().ok_or_else(|| unknown("clients"))? {
            for (key, value) in client.as_table().ok_or_else(|| unknown(slug))? {
                let what = match key.as_str() {
                    "id" => "ID",
                    "secret" => "SECRET",
                    "scopes" => "SCOPES",
                    "settings" => {
                        self.read_settings(name, slug, value)?;
                        continue;
                    }
                    other => return Err(unknown(&format!("clients.{slug}.{other}"))),
                };
                self.clients.insert(super::client_variable(slug, what), words(name, key, value)?);
            }
        }
        Ok(())
    }

    fn read_settings(&mut self, name: &str, slug: &str, value: &Value) -> Result<(), FileError> {
        let no_table = || FileError::Unknown(name.into(), format!("clients.{slug}.settings"));
        for (setting, value) in value.as_table().ok_or_else(no_table)? {
            let variable = super::client_variable(slug, &format!("SETTING_{}", setting.to_uppercase()));
            self.clients.insert(variable, plain(name, setting, value)?);
        }
        Ok(())
    }

    /// Makes the file's values the defaults of the command's arguments. `known` are all names that any
    /// command has: a name that only another command uses is no mistake.
    pub fn as_defaults(&self, mut command: Command, known: &[String]) -> Result<Command, FileError> {
        for (key, value) in &self.settings {
            if !known.contains(key) {
                return Err(FileError::Unknown("panora.toml".into(), key.clone()));
            }
            if command.get_arguments().any(|argument| argument.get_id() == key.as_str()) {
                let value = value.clone();
                command = command.mut_arg(key, |argument| argument.default_value(value));
            }
        }
        Ok(command)
    }

    /// The environment's `PANORA_*`, with the file's clients beneath.
    pub fn with_environment(&self) -> BTreeMap<String, String> {
        let mut all = self.clients.clone();
        all.extend(std::env::vars().filter(|(name, _)| name.starts_with("PANORA_")));
        all
    }
}

/// Line and reason, without the line itself: it may hold a secret.
fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message())
}

fn plain(name: &str, key: &str, value: &Value) -> Result<String, FileError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(flag) => Ok(flag.to_string()),
        _ => Err(FileError::WrongType(name.into(), key.into())),
    }
}

/// A text, or a list of texts as one.
fn words(name: &str, key: &str, value: &Value) -> Result<String, FileError> {
    let Value::Array(items) = value else { return plain(name, key, value) };
    let items: Result<Vec<_>, _> = items.iter().map(|item| plain(name, key, item)).collect();
    Ok(items?.join(" "))
}

/// `PANORA_*` variables that nothing reads: a warning, since orchestrators make some. An unknown setting of a known
/// provider is an error elsewhere.
pub fn unknown_variables<'a>(
    variables: impl Iterator<Item = &'a String>,
    known: &[String],
    slugs: &[String],
) -> Vec<String> {
    let client = |name: &str| {
        slugs.iter().any(|slug| {
            ["ID", "SECRET", "SCOPES"].iter().any(|what| super::client_variable(slug, what) == name)
                || name.starts_with(&super::client_variable(slug, "SETTING_"))
        })
    };
    // The file's own name, and what those who call this server and hear from it read.
    let others = ["PANORA_CONFIG", "PANORA_URL", "PANORA_API_KEY", "PANORA_WEBHOOK_SECRET"];
    variables
        .filter(|name| name.starts_with("PANORA_") && !name.starts_with("PANORA_PORT"))
        .filter(|name| !name.starts_with("PANORA_SERVICE_") && !name.starts_with("PANORA_TEST_"))
        .filter(|name| !known.contains(name) && !others.contains(&name.as_str()) && !client(name))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let argument = clap::Arg::new("bind").long("bind").default_value("built-in");
        Command::new("serve").arg(argument)
    }

    #[test]
    fn the_file_stands_between_the_built_in_default_and_a_flag() {
        let file = ConfigFile::parse("panora.toml", "bind = 'from the file'").ok().unwrap();
        let command = file.as_defaults(command(), &["bind".into()]).unwrap();
        let bind = |arguments: &[&str]| {
            let matches = command.clone().try_get_matches_from(arguments).unwrap();
            matches.get_one::<String>("bind").unwrap().clone()
        };
        assert_eq!(bind(&["serve"]), "from the file");
        assert_eq!(bind(&["serve", "--bind", "a flag"]), "a flag");
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let file = ConfigFile::parse("panora.toml", "bnid = 'x'").ok().unwrap();
        assert!(matches!(file.as_defaults(command(), &["bind".into()]), Err(FileError::Unknown(..))));
        assert!(ConfigFile::parse("panora.toml", "[clients.hubspot]\nsecrets = 'x'").is_err());
    }

    #[test]
    fn a_client_s_scopes_and_settings_stand_for_variables() {
        let toml = "[clients.acme]\nid = 'x'\nscopes = ['a', 'b']\nsettings = { tier = 'eu' }";
        let file = ConfigFile::parse("panora.toml", toml).ok().unwrap();
        assert_eq!(file.clients["PANORA_ACME_CLIENT_SCOPES"], "a b");
        assert_eq!(file.clients["PANORA_ACME_CLIENT_SETTING_TIER"], "eu");
        assert!(ConfigFile::parse("panora.toml", "[clients.acme]\nsettings = 'eu'").is_err());
    }

    #[test]
    fn an_error_says_where_and_not_what_stands_there() {
        let error =
            ConfigFile::parse("panora.toml", "bind = 'x'\nencryption_keys = \"hunter2").err().unwrap();
        let words = error.to_string();
        assert!(words.starts_with("panora.toml: line 2: ") && !words.contains("hunter2"), "{words}");
    }

    #[test]
    fn an_unknown_variable_is_named_but_not_what_orchestrators_make_or_clients_read() {
        let names = [
            "PANORA_BIND",
            "PANORA_BNID",
            "PANORA_PORT_3000_TCP",
            "PANORA_HUBSPOT_CLIENT_ID",
            "PANORA_HUBSPOT_CLIENT_SETTING_TIER",
            "PANORA_URL",
            "PANORA_API_KEY",
            "PANORA_WEBHOOK_SECRET",
            "HOME",
        ];
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let unknown = unknown_variables(names.iter(), &["PANORA_BIND".into()], &["hubspot".into()]);
        assert_eq!(unknown, ["PANORA_BNID"]);
    }
}
