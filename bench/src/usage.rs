//! CPU time and memory of processes, as Linux tells them in `/proc`. It never asks about a process that the run
//! does not measure, but for their list.

use std::fs;
use std::time::{Duration, Instant};

use crate::because;

/// `/proc` counts CPU time in hundredths of a second on every architecture that the server is built for.
const TICK: Duration = Duration::from_millis(10);
/// The work is over when a span passes with at most one tick.
const SPAN: Duration = Duration::from_millis(100);

/// Whose CPU time is counted together.
#[derive(Clone, Copy, Debug)]
pub struct Processes {
    pub pid: u32,
    /// With all its children, those that have ended included.
    pub postmaster: Option<u32>,
}

/// What a line of `/proc/<pid>/stat` says.
struct Stat {
    name: String,
    parent: u32,
    /// In user and kernel mode.
    ticks: u64,
    /// The same of children that ended and were waited for.
    ticks_of_children: u64,
}

impl Processes {
    /// This one alone.
    pub fn own() -> Self {
        Self { pid: std::process::id(), postmaster: None }
    }

    /// CPU time since each began.
    pub fn cpu(self) -> Result<Duration, String> {
        let mut ticks = stat(self.pid)?.ticks;
        if let Some(postmaster) = self.postmaster {
            let first = stat(postmaster)?;
            ticks += first.ticks + first.ticks_of_children;
            let children = all().into_iter().filter(|it| it.parent == postmaster);
            ticks += children.map(|it| it.ticks).sum::<u64>();
        }
        Ok(TICK * u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// Waits until they rest, but no longer than `most`: what is done after the last arrival, such as recording it,
    /// belongs to its cost.
    pub async fn rest(self, most: Duration) -> Result<(), String> {
        let (mut before, began) = (self.cpu()?, Instant::now());
        while began.elapsed() < most {
            tokio::time::sleep(SPAN).await;
            let now = self.cpu()?;
            if now.saturating_sub(before) <= TICK {
                break;
            }
            before = now;
        }
        Ok(())
    }
}

/// The most memory that a process has had resident, in MiB.
pub fn peak_memory(pid: u32) -> Result<f64, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).map_err(because("/proc"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|text| text.parse::<f64>().ok());
    Ok(kib.ok_or("/proc tells no VmHWM")? / 1024.0)
}

/// The process that has started this connection's.
pub fn postmaster_of(backend: u32) -> Result<u32, String> {
    let elsewhere = "PostgreSQL runs on another machine, where its CPU time cannot be counted";
    let parent = stat(backend).map_err(|_| elsewhere)?.parent;
    let is_it = stat(parent).is_ok_and(|it| it.name.starts_with("postgres"));
    is_it.then_some(parent).ok_or_else(|| elsewhere.to_owned())
}

fn stat(pid: u32) -> Result<Stat, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(because(&format!("process {pid}")))?;
    parse(&text).ok_or_else(|| format!("/proc/{pid}/stat has another shape"))
}

fn all() -> Vec<Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // One that ends meanwhile is counted by its parent.
    pids.filter_map(|pid| stat(pid).ok()).collect()
}

/// `proc(5)`: the name stands in parentheses and may hold any sign; parent, utime, stime, cutime and cstime are
/// fields 4 and 14 to 17.
fn parse(text: &str) -> Option<Stat> {
    let (before, after) = text.rsplit_once(") ")?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        name: name.to_owned(),
        parent: u32::try_from(field(4)?).ok()?,
        ticks: field(14)? + field(15)?,
        ticks_of_children: field(16)? + field(17)?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = "7 (a) b (c) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 5 6 7";
        let stat = parse(line).unwrap();
        assert_eq!((stat.name.as_str(), stat.parent), ("a) b (c", 3));
        assert_eq!((stat.ticks, stat.ticks_of_children), (30, 70));
    }

    #[test]
    fn this_process_has_used_memory_and_has_a_parent() {
        let pid = std::process::id();
        assert!(peak_memory(pid).unwrap() > 0.0);
        assert!(stat(pid).unwrap().parent > 0);
        assert!(Processes::own().cpu().is_ok());
    }
}
