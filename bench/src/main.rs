//! Measures a whole server from outside: calls in, deliveries out, beside what this machine could do at most. It
//! never measures a part alone, and leaves no process, folder or database behind.

#![allow(clippy::cast_precision_loss, reason = "no count of a run comes near 2^52")]

mod args;
mod arrivals;
mod backlog;
mod bench;
mod clock;
mod commit;
mod copies;
mod database;
mod home;
mod importer;
mod limits;
mod load;
mod measure;
mod passthrough;
mod post;
mod postgres;
mod receiver;
mod receiver_process;
mod report;
mod run;
mod schema;
mod server;
mod subject;
mod table;
mod trouble;
mod usage;
mod wire;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Args, Part};

fn main() -> ExitCode {
    let args = Args::parse();
    // One thread: a second would mostly be busy waking the first, on cores that the server needs.
    let runtime = Builder::new_current_thread().enable_all().build().map_err(because("no runtime"));
    let outcome = runtime.and_then(|runtime| match args.part {
        Some(Part::Receive { hosts }) => runtime.block_on(receiver::run(hosts)),
        Some(Part::Upstream) => runtime.block_on(passthrough::serve()),
        None => runtime.block_on(until_stopped(&args)),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The whole run, ended early by a signal or its deadline; what it started is cleaned up in either case.
async fn until_stopped(args: &Args) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(because("signals cannot be awaited"))?;
    let stopped = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => "stopped".to_owned(),
            _ = terminate.recv() => "stopped".to_owned(),
            () = tokio::time::sleep(Duration::from_secs(args.deadline)) => "the deadline has passed".to_owned(),
        }
    };
    if args.passthrough { passthrough::run(args, stopped).await } else { run::run(args, stopped).await }
}

/// Puts what was tried before an error's own words.
fn because<E: Display>(tried: &str) -> impl Fn(E) -> String {
    move |error| format!("{tried}: {error}")
}
