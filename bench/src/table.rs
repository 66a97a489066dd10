//! The figures as a person reads them.

use std::path::Path;
use std::time::SystemTime;

use crate::args::Args;
use crate::measure::Figures;

/// What is measured: an old binary or a careless PostgreSQL would give fine figures.
pub fn setting(binary: &Path, postgres: Option<&str>) -> String {
    let built = binary.metadata().and_then(|file| file.modified()).ok();
    let age = built.and_then(|built| SystemTime::now().duration_since(built).ok()).unwrap_or_default();
    let database = postgres.unwrap_or("SQLite");
    format!("{}, built {} minutes ago, on {database}", binary.display(), age.as_secs() / 60)
}

/// How much of it, with bodies of so many bytes.
pub fn load(args: &Args, bytes: usize) -> String {
    let (events, callers, endpoints, posts) = (args.events, args.callers, args.endpoints, args.posts());
    format!(
        "events: {events}, callers: {callers}, endpoints: {endpoints}, posts of the limits: {posts}, bytes: {bytes}\n"
    )
}

/// The three kinds of sender under the same load.
pub struct Part {
    pub title: String,
    pub panora: Figures,
    pub bare: Figures,
    pub committed: Figures,
}

impl Part {
    /// The table, a line a sender.
    pub fn table(&self) -> String {
        let rows = [
            line("bare client", &self.bare, false),
            line("commit first", &self.committed, false),
            line("panora", &self.panora, true),
        ];
        let columns =
            "  events/s  deliveries/s   p50 ms   p95 ms   p99 ms  CPU-ms/delivery  receiver's  peak MiB";
        format!("{:<16}{columns}\n{}", self.title, rows.concat())
    }

    /// How far the server is from the limits at full speed. CPU is compared with that of a post as the client
    /// alone pays for it, and as both its ends do.
    pub fn ratios(&self, endpoints: u16) -> String {
        let (panora, bare, committed) = (&self.panora, &self.bare, &self.committed);
        let cpu = panora.cpu * f64::from(endpoints);
        format!(
            "deliveries, as a part of the bare client's posts         {:.3}\n\
             deliveries, as a part of the commit-first client's       {:.3}\n\
             CPU of an event, in posts of the bare client             {:.2}\n\
             CPU of an event, in such posts with their receiving      {:.2}\n",
            panora.deliveries / bare.deliveries,
            panora.deliveries / committed.deliveries,
            cpu / bare.cpu,
            cpu / (bare.cpu + bare.receiver_cpu),
        )
    }

    /// How much later than a commit-first client's posts the server's deliveries arrive.
    pub fn delays(&self) -> String {
        let (own, limit) = (self.panora.latency, self.committed.latency);
        format!(
            "latency above the commit-first client's, {}   p50 {:+.2} ms   p99 {:+.2} ms\n",
            self.title,
            own.p50 - limit.p50,
            own.p99 - limit.p99,
        )
    }
}

/// Memory is the server's alone: the limits run in the driver's process, which holds every call in memory.
fn line(name: &str, figures: &Figures, server: bool) -> String {
    let (latency, memory) = (figures.latency, format!("{:.0}", figures.peak_memory));
    let repeated = match figures.repeated {
        0 => String::new(),
        count => format!("  {count} arrived again"),
    };
    format!(
        "{name:<16}  {:>8.0}  {:>12.0}  {:>7.2}  {:>7.2}  {:>7.2}  {:>15.4}  {:>10.4}  {:>8}{repeated}\n",
        figures.calls,
        figures.deliveries,
        latency.p50,
        latency.p95,
        latency.p99,
        figures.cpu,
        figures.receiver_cpu,
        if server { &memory } else { "-" },
    )
}
