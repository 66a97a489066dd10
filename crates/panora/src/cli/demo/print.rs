//! How the demo speaks: calm lines, with colour and links only where a terminal shows them.

use std::io::IsTerminal;
use std::time::Instant;

use serde_json::Value;

use crate::cli::api::Api;
use crate::cli::terminal::table;

pub struct Printer {
    /// Whether steps are numbered and timed.
    timed: bool,
    colour: bool,
    links: bool,
    number: u32,
    started: Instant,
    last: Instant,
}

impl Printer {
    pub fn of_stdout(timed: bool) -> Self {
        let links =
            std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        // https://no-color.org: any value but an empty one.
        let colour = links && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let now = Instant::now();
        Self { timed, colour, links, number: 0, started: now, last: now }
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.styled("2", text)
    }

    /// A web address that terminals let people click (OSC 8).
    fn link(&self, url: &str) -> String {
        let shown = self.styled("1;4;36", url);
        if self.links { format!("\x1b]8;;{url}\x1b\\{shown}\x1b]8;;\x1b\\") } else { shown }
    }

    pub fn title(&self) {
        println!(
            "\n{}\n",
            self.bold("Panora: an account is connected, your backend learns of it, and uses it")
        );
    }

    /// A step that was done, and what is to be seen of it.
    pub fn step(&mut self, what: &str, seen: &str) {
        self.number += 1;
        let millis = self.last.elapsed().as_millis();
        self.last = Instant::now();
        let (mark, seen) = (self.styled("32", "✓"), self.dim(seen));
        if self.timed {
            println!(
                "{mark} {:>2}. {what} {}\n      {seen}",
                self.number,
                self.dim(&format!("({millis} ms)"))
            );
        } else {
            println!("{mark} {what}\n  {seen}");
        }
    }

    /// Asks the person to click.
    pub fn invite(&self, person: &str, url: &str) {
        let heading = format!("Open this magic link as {person}, your user, would:");
        println!("\n{}\n\n  {}\n", self.bold(&heading), self.link(url));
        let advice = "The account is a pretend one. Waiting for the webhook; Ctrl-C ends the demo.";
        println!("{}\n", self.dim(advice));
    }

    /// What did not work, and does not end the demo.
    pub fn trouble(&self, words: &str) {
        println!("{} {words}\n", self.styled("33", "!"));
    }

    /// An event that the backend has verified. It is shown whole: this connection is nobody's.
    pub fn event(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap_or_default();
        self.step(&format!("Your backend received {}", self.bold(kind)), "Panora-Signature verified");
        println!("\n{event:#}\n");
    }

    /// What the backend fetched with the connection's token.
    pub fn contacts(&mut self, contacts: &[Value]) {
        self.step("Your backend calls the Sandbox with that connection token", "POST /passthrough");
        let cell = |contact: &Value, field: &str| contact[field].as_str().unwrap_or_default().to_owned();
        let row = |contact: &Value| {
            let name = format!("{} {}", cell(contact, "first_name"), cell(contact, "last_name"));
            vec![name, cell(contact, "email"), cell(contact, "title"), cell(contact, "company")]
        };
        println!();
        table(&["NAME", "E-MAIL", "TITLE", "COMPANY"], &contacts.iter().map(row).collect::<Vec<_>>());
        println!();
    }

    /// Lines to paste into another terminal.
    pub fn try_next(&self, api: &Api, token: &str) {
        let (url, key) = (&api.url, api.key.expose());
        let curl = |path: &str, more: &str, body: &str| {
            println!("  curl {url}{path} -H 'x-api-key: {key}'{more} \\");
            println!("    -H 'content-type: application/json' -d '{body}'\n");
        };
        println!("{}\n", self.bold("Try next, while this runs"));
        println!("{}", self.dim("Add a contact to that account:"));
        let body = r#"{"method": "POST", "path": "/contacts", "data": {"first_name": "Alan", "email": "alan@acme.test"}}"#;
        curl("/passthrough", &format!(" -H 'x-connection-token: {token}'"), body);
        println!(
            "{}",
            self.dim("Make a link for somebody else; on the Sandbox's page you can ask for trouble:")
        );
        curl("/magic_links", "", r#"{"linked_user_origin_id": "grace", "providers": ["sandbox"]}"#);
        println!("{} {}\n", self.dim("Read the API reference:"), self.link(&format!("{url}/docs")));
    }

    pub fn end(&self) {
        if self.timed {
            println!(
                "{}",
                self.bold(&format!("All of it worked, in {} ms.", self.started.elapsed().as_millis()))
            );
        } else {
            println!("The demo has ended; nothing of it is kept.");
        }
    }
}
