//! What the person at the terminal knows: taken from the environment, else typed. A secret is never echoed.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use panora_catalog::{Provider, Question};

use crate::config::client_variable;

/// Settings and secrets that were given, by the name of their variable.
pub type Given = BTreeMap<String, String>;

/// What makes the OAuth client known to the server: only that provider's variables, with what was typed.
pub fn client(provider: &Provider, given: &Given) -> Result<Given, String> {
    let slug = provider.slug();
    let prefix = client_variable(slug, "");
    let mut known: Given = given
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let needs_client = provider.takes_client() && provider.built_in_client().is_none();
    let id = client_variable(slug, "ID");
    if needs_client && is_missing(&known, &id) {
        let typed =
            ask("Client id", &id, false)?.ok_or_else(|| format!("no client id was given: set {id}"))?;
        known.insert(id, typed);
    }
    let secret = client_variable(slug, "SECRET");
    if needs_client
        && is_missing(&known, &secret)
        && let Some(typed) = ask("Client secret, if it has one", &secret, true)?
    {
        known.insert(secret, typed);
    }
    for question in provider.app_settings() {
        let variable = client_variable(slug, &format!("SETTING_{}", question.name().to_uppercase()));
        if is_missing(&known, &variable)
            && let Some(typed) = ask_about(question, &variable)?
        {
            known.insert(variable, typed);
        }
    }
    Ok(known)
}

/// Answers to what a person would be asked on the connect page.
pub fn fields(provider: &Provider, given: &Given) -> Result<Given, String> {
    let mut fields = Given::new();
    for question in provider.questions() {
        let variable = field_variable(&question);
        let typed = match given.get(&variable).filter(|text| !text.is_empty()) {
            Some(text) => Some(text.clone()),
            None => ask_about(question, &variable)?,
        };
        if let Some(typed) = typed {
            fields.insert(question.name().to_owned(), typed);
        }
    }
    Ok(fields)
}

/// The variable that answers a question of the connect page.
pub fn field_variable(question: &Question<'_>) -> String {
    format!("PANORA_TRY_{}", question.name().to_uppercase())
}

fn is_missing(known: &Given, variable: &str) -> bool {
    known.get(variable).is_none_or(String::is_empty)
}

/// Asks until the file's rules take the answer; none where it is left to the default.
fn ask_about(question: Question<'_>, variable: &str) -> Result<Option<String>, String> {
    let mut words = question.label().to_owned();
    if let Some(help) = question.help() {
        println!("  {help}");
    }
    if !question.choices().is_empty() {
        words = format!("{words}, one of {}", question.choices().join(", "));
    } else if let Some(example) = question.example() {
        words = format!("{words}, such as {}", question.shown(example));
    }
    if !question.required() {
        words.push_str(" (optional)");
    }
    loop {
        let typed = ask(&words, variable, question.is_secret())?;
        let ended = typed.is_none() && !std::io::stdin().is_terminal();
        match question.normalize(typed.as_deref().unwrap_or_default()) {
            Ok(_) => return Ok(typed),
            Err(error) if ended => return Err(format!("{}: {error}: set {variable}", question.label())),
            Err(error) => println!("  That cannot be used: {error}."),
        }
    }
}

/// One line of the terminal, or of what is piped in; none where it is empty or there is no more.
fn ask(words: &str, variable: &str, secret: bool) -> Result<Option<String>, String> {
    let failed = |error: std::io::Error| format!("nothing could be read for {variable}: {error}");
    let mut stdout = std::io::stdout();
    write!(stdout, "  {words}: ").and_then(|()| stdout.flush()).map_err(failed)?;
    let typed = if secret && std::io::stdin().is_terminal() {
        rpassword::read_password().map_err(failed)?
    } else {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(failed)?;
        line
    };
    if !std::io::stdin().is_terminal() {
        println!();
    }
    Ok(Some(typed.trim().to_owned()).filter(|typed| !typed.is_empty()))
}
