//! Callers at full speed, each with one keep-alive connection: calls a second and how long each took.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::because;
use crate::measure::percentile;
use crate::usage::Processes;
use crate::wire::Wire;

/// Whom the callers ask.
#[derive(Clone)]
pub struct Target {
    pub name: &'static str,
    pub port: u16,
    pub prefix: &'static str,
    /// Whole lines.
    pub headers: String,
    /// Of which the CPU time is counted.
    pub processes: Option<Processes>,
}

/// What one target did in one span.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// A second.
    pub calls: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// Milliseconds of CPU time a call.
    pub cpu: f64,
}

/// Calls for so long; an answer that is none of the upstream's ends the run.
pub async fn measure(
    target: &Target,
    path: &'static str,
    callers: u32,
    span: Duration,
) -> Result<Figures, String> {
    let cpu = || target.processes.map_or(Ok(Duration::ZERO), Processes::cpu);
    let (before, began) = (cpu()?, Instant::now());
    let mut working = JoinSet::new();
    for _ in 0..callers {
        working.spawn(work(target.clone(), path, began + span));
    }
    let mut spans = Vec::new();
    while let Some(ended) = working.join_next().await {
        spans.extend(ended.map_err(because("a caller panicked"))??);
    }
    let took = began.elapsed();
    let spent = cpu()?.saturating_sub(before);
    spans.sort_unstable();
    let count = spans.len() as f64;
    Ok(Figures {
        calls: count / took.as_secs_f64(),
        p50: percentile(&spans, 50),
        p99: percentile(&spans, 99),
        cpu: spent.as_secs_f64() * 1000.0 / count,
    })
}

async fn work(target: Target, path: &'static str, until: Instant) -> Result<Vec<u64>, String> {
    let mut wire = Wire::open(target.port).await?;
    let path = format!("{}{path}", target.prefix);
    let mut spans = Vec::new();
    loop {
        let began = Instant::now();
        if began >= until {
            return Ok(spans);
        }
        let answer = wire.send("GET", &path, &target.headers, "").await?.expect(200, target.name)?;
        if answer.header("x-upstream").is_none() {
            return Err(format!("{} answered without asking", target.name));
        }
        spans.push(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
}
