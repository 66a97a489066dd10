//! The figures as a person reads them.

use std::path::Path;
use std::time::SystemTime;

use crate::args::Args;
use crate::measure::Figures;

const COLUMNS: &str =
    "  events/s  deliveries/s   p50 ms   p95 ms   p99 ms  CPU-ms/delivery  receiver's  driver's  peak MiB";

/// What is measured: an old binary or a careless PostgreSQL would give fine figures.
pub fn setting(binary: &Path, postgres: Option<&str>) -> String {
    let built = binary.metadata().and_then(|file| file.modified()).ok();
    let age = built.and_then(|built| SystemTime::now().duration_since(built).ok()).unwrap_or_default();
    let database = postgres.unwrap_or("SQLite");
    format!("{}, built {} minutes ago, on {database}", binary.display(), age.as_secs() / 60)
}

/// How much of it, with bodies of so many bytes.
pub fn load(args: &Args, bytes: usize) -> String {
    format!(
        "events: {}, callers: {}, endpoints: {} on {} hosts, projects: {}, bytes: {bytes}",
        args.events,
        args.callers,
        args.endpoints,
        args.hosts(),
        args.projects
    )
}

/// Whose figures a line has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    Server,
    /// One that runs in the driver's process, which holds every call in memory.
    Limit,
}

/// A line each.
pub fn table(title: &str, lines: &[(&str, Sender, &Figures)]) -> String {
    let lines: String = lines.iter().map(|(name, sender, figures)| line(name, *sender, figures)).collect();
    format!("{title:<16}{COLUMNS}\n{lines}")
}

fn line(name: &str, sender: Sender, figures: &Figures) -> String {
    let latency = figures.latency;
    let (driver, memory) = match sender {
        Sender::Server => (format!("{:.4}", figures.driver_cpu), format!("{:.0}", figures.peak_memory)),
        Sender::Limit => ("-".to_owned(), "-".to_owned()),
    };
    let repeated = match figures.repeated {
        0 => String::new(),
        count => format!("  {count} arrived again"),
    };
    format!(
        "{name:<16}  {:>8.0}  {:>12.0}  {:>7.2}  {:>7.2}  {:>7.2}  {:>15.4}  {:>10.4}  {driver:>8}  {memory:>8}{repeated}\n",
        figures.calls,
        figures.deliveries,
        latency.p50,
        latency.p95,
        latency.p99,
        figures.cpu,
        figures.receiver_cpu,
    )
}

/// A line of what stands below the tables.
pub fn finding(words: &str, value: &str) -> String {
    format!("{words:<72}{value:>12}\n")
}
