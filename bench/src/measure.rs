//! From calls and arrivals to figures.

use std::collections::HashMap;
use std::time::Duration;

use crate::arrivals::Arrival;
use crate::load::{Call, Caller, Load, drive};
use crate::receiver_process::Receiver;
use crate::usage::{Processes, peak_memory};

/// What one load has taken.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Calls answered a second.
    pub calls: f64,
    /// First arrivals a second, from the first call to the last arrival.
    pub deliveries: f64,
    /// Arrivals of what had arrived already.
    pub repeated: u64,
    /// Milliseconds from call to arrival.
    pub latency: Latency,
    /// Milliseconds of CPU time a delivery, of the sender, the receiver and the driver.
    pub cpu: f64,
    pub receiver_cpu: f64,
    pub driver_cpu: f64,
    /// MiB that the process has had resident at most, since it began.
    pub peak_memory: f64,
}

/// Milliseconds within which so many of a hundred arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

/// What a load's deliveries are, and whose work they are.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub processes: Processes,
    /// Deliveries of each call that count.
    pub copies: u16,
    /// How long to wait at most until the processes rest: those with more to do than the load never will.
    pub patience: Duration,
}

/// Drives a load and waits until all of it has arrived.
pub async fn measure(
    receiver: &mut Receiver,
    callers: Vec<Caller>,
    load: Load,
    Setting { processes, copies, patience }: Setting,
) -> Result<(Vec<Caller>, Figures), String> {
    let before = receiver.counts().await?;
    let cpu_before = cpu(processes, receiver)?;
    let (callers, calls) = drive(callers, load).await?;
    receiver.wait_for(before, calls.len() * usize::from(copies)).await?;
    processes.rest(patience).await?;
    let spent = subtracted(cpu(processes, receiver)?, cpu_before);
    let arrivals = receiver.arrivals(before).await?;
    let repeated = receiver.counts().await?.repeated - before.repeated;
    let peak_memory = peak_memory(processes.pid)?;
    let figures = Figures { repeated, peak_memory, ..figures(&calls, &arrivals, spent) };
    Ok((callers, figures))
}

/// Of the sender, the receiver and the driver.
fn cpu(processes: Processes, receiver: &Receiver) -> Result<[Duration; 3], String> {
    Ok([processes.cpu()?, receiver.cpu()?, Processes::own().cpu()?])
}

fn subtracted(after: [Duration; 3], before: [Duration; 3]) -> [Duration; 3] {
    std::array::from_fn(|index| after[index].saturating_sub(before[index]))
}

fn figures(calls: &[Call], arrivals: &[Arrival], cpu: [Duration; 3]) -> Figures {
    let started: HashMap<u128, u64> = calls.iter().map(|call| (call.id, call.started)).collect();
    let first = calls.iter().map(|call| call.started).min().unwrap_or_default();
    let answered = calls.iter().map(|call| call.ended).max().unwrap_or_default();
    let last = arrivals.iter().map(|arrival| arrival.at).max().unwrap_or_default();
    // What was not asked for by these calls is a straggler of the load before.
    let spans = arrivals.iter().filter_map(|it| Some(it.at.saturating_sub(*started.get(&it.id)?)));
    let mut spans: Vec<u64> = spans.collect();
    spans.sort_unstable();
    let count = spans.len() as f64;
    let [cpu, receiver_cpu, driver_cpu] = cpu.map(|cpu| cpu.as_secs_f64() * 1000.0 / count);
    Figures {
        calls: calls.len() as f64 / seconds(answered.saturating_sub(first)),
        deliveries: count / seconds(last.saturating_sub(first)),
        repeated: 0,
        latency: Latency {
            p50: percentile(&spans, 50),
            p95: percentile(&spans, 95),
            p99: percentile(&spans, 99),
        },
        cpu,
        receiver_cpu,
        driver_cpu,
        peak_memory: 0.0,
    }
}

fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

/// The nearest rank of sorted nanoseconds, in milliseconds.
pub fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(f64::NAN, |nanos| seconds(*nanos) * 1000.0)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "these quotients are exact")]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_percentile_is_a_span_that_was_measured() {
        let sorted: Vec<u64> = (1..=200).map(|ms| ms * MS).collect();
        let at = |percent| percentile(&sorted, percent);
        assert_eq!([at(50), at(95), at(99)], [100.0, 190.0, 198.0]);
        assert_eq!(percentile(&[7 * MS], 99), 7.0);
    }

    #[test]
    fn rates_count_from_the_first_call_and_stragglers_count_for_nothing() {
        let call = |id, started, ended| Call { id, started: started * MS, ended: ended * MS };
        let arrival = |id, at| Arrival { id, endpoint: 0, at: at * MS };
        let calls = [call(1, 1000, 1500), call(2, 1500, 2000)];
        let arrivals = [arrival(9, 1100), arrival(1, 2000), arrival(2, 5000)];
        let figures = figures(&calls, &arrivals, [3, 1, 2].map(Duration::from_millis));
        assert_eq!((figures.calls, figures.deliveries), (2.0, 0.5));
        assert_eq!([figures.cpu, figures.receiver_cpu, figures.driver_cpu], [1.5, 0.5, 1.0]);
        assert_eq!(figures.latency, Latency { p50: 1000.0, p95: 3500.0, p99: 3500.0 });
    }
}
