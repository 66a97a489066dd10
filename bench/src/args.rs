//! What is measured, as the command line says it.

use std::path::PathBuf;

use clap::{Parser, Subcommand, value_parser};

use crate::trouble::Trouble;

/// Starts a server, drives connections into it, receives its webhooks, and prints what that took.
///
/// Without --backlog, --due and --trouble the server is measured beside a bare client and one that commits first;
/// with one of them, beside a server without.
#[derive(Parser, Debug)]
#[command(name = "panora-bench", max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub part: Option<Part>,

    /// Events to drive in at full speed; 0 leaves that part out
    #[arg(long, default_value_t = 10_000)]
    pub events: u64,

    /// Calls at once, each caller with a keep-alive connection of its own
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u32).range(1..))]
    pub callers: u32,

    /// Endpoints that receive each event
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..=10_000))]
    pub endpoints: u16,

    /// Hosts that the endpoints are spread over, addresses of this machine from 127.0.0.1 on; one an endpoint unless
    /// given, but at most 100
    #[arg(long, value_parser = value_parser!(u8).range(1..=250))]
    pub hosts: Option<u8>,

    /// Projects that the events go to in turn, each with all the endpoints
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..=1000))]
    pub projects: u16,

    /// `sqlite`, or the postgres:// URL of a superuser: databases are made there, and dropped at the end
    #[arg(long, default_value = "sqlite", value_name = "sqlite|URL")]
    pub database: String,

    /// Events a second in the second part of the run; 0 leaves it out
    #[arg(long, default_value_t = 200)]
    pub rate: u32,

    /// Seconds that the second part lasts
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..))]
    pub rate_seconds: u64,

    /// Posts at full speed of each limit; ten times the deliveries unless given, but 50,000 to 500,000;
    /// none begins after 15 seconds
    #[arg(long, value_parser = value_parser!(u64).range(1..))]
    pub posts: Option<u64>,

    /// Deliveries stored before, all delivered: the server is measured without and then with them
    #[arg(long, default_value_t = 0, value_name = "COUNT", conflicts_with = "trouble")]
    pub backlog: u64,

    /// Deliveries that are due to another endpoint meanwhile, which has just become active: the server is measured
    /// without and then with them
    #[arg(long, default_value_t = 0, value_name = "COUNT", conflicts_with = "trouble")]
    pub due: u64,

    /// What that other endpoint does
    #[arg(long, default_value = "hang", value_name = "TROUBLE")]
    pub due_endpoint: Trouble,

    /// What the first endpoints do, one for each word. Only the others' deliveries count; the server is measured at
    /// the steady rate, without and then with the trouble
    #[arg(long, value_delimiter = ',', value_name = "TROUBLE,...")]
    pub trouble: Vec<Trouble>,

    /// Measures calls to a provider instead: through the server, through nginx where it is installed, and without
    /// anything between
    #[arg(long, conflicts_with_all = ["backlog", "due", "trouble"])]
    pub passthrough: bool,

    /// Threads of the server that serve requests, with --passthrough; its own choice unless given
    #[arg(long, value_name = "COUNT", requires = "passthrough")]
    pub workers: Option<u16>,

    /// The server's binary; `panora` beside this one unless given
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,

    /// Folder in which the run makes its own, on the disk to be measured; the system's temporary folder unless
    /// given
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,

    /// Seconds after which the run gives up
    #[arg(long, default_value_t = 900)]
    pub deadline: u64,
}

#[derive(Subcommand, Debug)]
pub enum Part {
    /// The receiver's process, which the run starts for itself
    #[command(hide = true)]
    Receive { hosts: u8 },
    /// The provider's process, which the run starts for itself
    #[command(hide = true)]
    Upstream,
}

impl Args {
    /// What the parser cannot see: that something is left to be measured.
    pub fn check(&self) -> Result<(), String> {
        if !self.trouble.is_empty() && self.rate == 0 {
            return Err("--trouble is measured at a steady rate: --rate must not be 0".to_owned());
        }
        if self.events == 0 && self.rate == 0 {
            return Err("--events and --rate are both 0".to_owned());
        }
        if self.trouble.len() >= usize::from(self.endpoints) {
            return Err("--trouble needs an endpoint more in --endpoints that has none".to_owned());
        }
        Ok(())
    }

    pub fn hosts(&self) -> u8 {
        self.hosts.unwrap_or(u8::try_from(self.endpoints.min(100)).unwrap_or(100))
    }

    /// The same endpoints without trouble, and still not counted.
    pub fn trouble_without(&self) -> Vec<Trouble> {
        vec![Trouble::None; self.trouble.len()]
    }

    /// Posts at full speed of each limit: more than deliveries, because they are over so soon.
    pub fn posts(&self) -> u64 {
        let deliveries = self.events * u64::from(self.endpoints);
        self.posts.unwrap_or((10 * deliveries).clamp(50_000, 500_000))
    }

    /// The server's binary, or how to get one.
    pub fn server(&self) -> Result<PathBuf, String> {
        let beside = || std::env::current_exe().map(|own| own.with_file_name("panora"));
        let path = self.server.clone().map_or_else(beside, Ok).map_err(crate::because("no own path"))?;
        // The server is started in another folder, where a relative path would mean another file.
        let missing = |_| format!("{} is not there: cargo build --release -p panora", path.display());
        path.canonicalize().map_err(missing)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Args, String> {
        let args = Args::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        args.check().map(|()| args)
    }

    #[test]
    fn what_would_measure_nothing_is_refused() {
        assert!(parsed("bench").is_ok());
        assert!(parsed("bench --events 0 --rate 0").is_err());
        assert!(parsed("bench --endpoints 2 --trouble hang,error").is_err());
        assert!(parsed("bench --endpoints 3 --trouble hang,error --rate 0").is_err());
        assert!(parsed("bench --endpoints 3 --trouble hang --due 1").is_err());
    }

    #[test]
    fn trouble_is_a_list() {
        let args = parsed("bench --endpoints 10 --trouble hang,error,endless,slow,none").unwrap();
        let all = [Trouble::Hang, Trouble::Error, Trouble::Endless, Trouble::Slow, Trouble::None];
        assert_eq!(args.trouble, all);
    }

    #[test]
    fn the_limits_post_more_than_is_delivered() {
        let posts = |line| parsed(line).unwrap().posts();
        assert_eq!(posts("bench --events 10000"), 100_000);
        assert_eq!(posts("bench --events 1 --endpoints 10000"), 100_000);
        assert_eq!(posts("bench --events 1"), 50_000);
        assert_eq!(posts("bench --events 1 --posts 7"), 7);
    }
}
