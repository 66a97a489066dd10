//! `panora demo`: the whole promise in one terminal. Server, a backend that verifies and a person's browser talk
//! over real HTTP; nothing leaves this machine and nothing is kept.

mod backend;
mod print;
mod stage;
mod walk;

use std::net::SocketAddr;

use clap::Args;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use self::print::Printer;
use self::stage::Stage;
use super::api::{self, Api};
use super::terminal::reader_gone;
use crate::config::bind_address;

/// The person who connects an account.
const PERSON: &str = "Ada Lovelace";

#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Click through the pages by itself, print each step, and exit
    #[arg(long)]
    auto: bool,
    /// Loopback address and port to listen on; 127.0.0.1:3000 unless given, or any free port where that is taken
    // A name of its own: the server's settings in panora.toml are not meant for this.
    #[arg(id = "demo_bind", long = "bind", alias = "port", value_name = "ADDR:PORT", value_parser = bind_address)]
    bind: Option<SocketAddr>,
}

/// Shows the promise; with `--auto` it says what was expected and what came instead where a step fails.
pub async fn run(args: DemoArgs) -> Result<(), String> {
    if args.bind.is_some_and(|bind| !bind.ip().is_loopback()) {
        return Err("--bind takes a loopback address: this server is for you alone".into());
    }
    let mut printer = Printer::of_stdout(args.auto);
    printer.title();
    let mut stop = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let stopped = if args.auto { Err("stopped before the end".to_owned()) } else { Ok(()) };
    let mut stage = Stage::set_up(args.bind, &mut printer).await?;
    let shown = tokio::select! {
        shown = show(&mut stage, &mut printer, args.auto) => shown,
        _ = tokio::signal::ctrl_c() => stopped,
        _ = stop.recv() => stopped,
        // By itself it comes to its end whoever reads.
        () = reader_gone(), if !args.auto => stopped,
    };
    stage.take_down().await;
    shown.map(|()| printer.end())
}

async fn show(stage: &mut Stage, printer: &mut Printer, auto: bool) -> Result<(), String> {
    let url = magic_link(&stage.api).await?;
    if auto {
        printer.step(&format!("Your backend made a magic link for {PERSON}"), &url);
        walk::click_through(&url, printer).await?;
        let event = stage.backend.next_event().await?;
        return connected(&stage.api, printer, &event).await.map(|_| ());
    }
    printer.invite(PERSON, &url);
    let mut told = false;
    while let Some(event) = stage.backend.wait_for_event().await {
        match answer(&stage.api, printer, event).await {
            Ok(Some(token)) if !told => {
                printer.try_next(&stage.api, &token);
                told = true;
            }
            Ok(_) => {}
            // The person may have asked the Sandbox for trouble, or sent the backend something unsigned.
            Err(words) => printer.trouble(&words),
        }
    }
    Err("the backend has stopped".into())
}

/// Whatever comes while a person tries things out; gives the token of a new connection.
async fn answer(
    api: &Api,
    printer: &mut Printer,
    event: Result<Value, String>,
) -> Result<Option<String>, String> {
    let event = event?;
    if event["type"] == "connection.created" {
        return connected(api, printer, &event).await.map(Some);
    }
    printer.event(&event);
    Ok(None)
}

async fn magic_link(api: &Api) -> Result<String, String> {
    let body = json!({"linked_user_origin_id": "ada", "alias": PERSON, "providers": ["sandbox"]});
    let link = api.post("/magic_links", &body).await?;
    api::text(&link, "/url")
}

/// Shows the event and what its connection token is good for; gives the token.
async fn connected(api: &Api, printer: &mut Printer, event: &Value) -> Result<String, String> {
    if event["type"] != "connection.created" {
        return Err(api::unlike("an event of type connection.created", &event.to_string()));
    }
    printer.event(event);
    let token = api::text(event, "/data/connection_token")?;
    let contacts = api.passthrough(&token, "/contacts?limit=3").await?;
    printer.contacts(&contacts);
    Ok(token)
}
