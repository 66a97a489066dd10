//! What a run found: its tables, and below them the ratios. It judges nothing.

use crate::bench::Pair;
use crate::measure::Figures;
use crate::table::{Sender, finding, table};

/// The server and the two limits under the same load.
pub struct Limits {
    pub panora: Pair,
    pub bare: Pair,
    pub committed: Pair,
    pub endpoints: u16,
    pub rate: u32,
}

impl Limits {
    /// The tables, then the findings of both.
    pub fn text(&self) -> String {
        let (mut tables, mut findings) = (String::new(), String::new());
        if let Some(three) = self.three(|pair| pair.full) {
            tables += &format!("{}\n", limits_table("at full speed", &three));
            findings += &speed(&three, self.endpoints);
        }
        if let Some(three) = self.three(|pair| pair.steady) {
            let title = format!("at {} a second", self.rate);
            tables += &format!("{}\n", limits_table(&title, &three));
            findings += &delays(&three, &title);
        }
        tables + &findings
    }

    fn three(&self, part: impl Fn(&Pair) -> Option<Figures>) -> Option<[Figures; 3]> {
        Some([part(&self.bare)?, part(&self.committed)?, part(&self.panora)?])
    }
}

fn limits_table(title: &str, [bare, committed, panora]: &[Figures; 3]) -> String {
    let limits = [("bare client", Sender::Limit, bare), ("commit first", Sender::Limit, committed)];
    table(title, &[limits[0], limits[1], ("panora", Sender::Server, panora)])
}

/// How far the server is from the limits at full speed. CPU is compared with that of a post as the client alone
/// pays for it, and as both its ends do.
fn speed([bare, committed, panora]: &[Figures; 3], endpoints: u16) -> String {
    let event = panora.cpu * f64::from(endpoints);
    let part = |value: f64| format!("{value:.3}");
    let times = |value: f64| format!("{value:.2}");
    [
        finding("events a second, as a part of the bare client's posts", &part(panora.calls / bare.calls)),
        finding(
            "deliveries a second, as a part of the bare client's posts",
            &part(panora.deliveries / bare.deliveries),
        ),
        finding(
            "deliveries a second, as a part of the commit-first client's posts",
            &part(panora.deliveries / committed.deliveries),
        ),
        finding("CPU of an event, in posts of the bare client", &times(event / bare.cpu)),
        finding(
            "CPU of an event, in such posts with their receiving",
            &times(event / (bare.cpu + bare.receiver_cpu)),
        ),
    ]
    .concat()
}

/// How much later than a commit-first client's posts the server's deliveries arrive.
fn delays([_, committed, panora]: &[Figures; 3], title: &str) -> String {
    let (own, limit) = (panora.latency, committed.latency);
    let line = |name: &str, delay: f64| {
        finding(&format!("{name} above the commit-first client's, {title}"), &format!("{delay:+.2} ms"))
    };
    line("p50", own.p50 - limit.p50) + &line("p99", own.p99 - limit.p99)
}

/// The server without something, and with it.
pub struct Comparison {
    /// What it is, in a word.
    pub what: &'static str,
    pub without: Pair,
    pub with: Pair,
    pub rate: u32,
}

impl Comparison {
    /// The tables, then the findings of both.
    pub fn text(&self) -> String {
        let at_rate = format!("at {} a second", self.rate);
        let parts = [
            ("at full speed", self.without.full, self.with.full),
            (at_rate.as_str(), self.without.steady, self.with.steady),
        ];
        let (mut tables, mut findings) = (String::new(), String::new());
        for (title, without, with) in parts {
            if let (Some(without), Some(with)) = (without, with) {
                tables += &format!("{}\n", self.table(title, &without, &with));
                findings += &self.ratios(title, &without, &with);
            }
        }
        tables + &findings
    }

    fn table(&self, title: &str, without: &Figures, with: &Figures) -> String {
        let names = [format!("no {}", self.what), format!("with {}", self.what)];
        table(title, &[(&names[0], Sender::Server, without), (&names[1], Sender::Server, with)])
    }

    fn ratios(&self, title: &str, without: &Figures, with: &Figures) -> String {
        let line = |name: &str, figure: fn(&Figures) -> f64| {
            let words = format!("{title}, with {0} / no {0}: {name}", self.what);
            finding(&words, &format!("{:.3}", figure(with) / figure(without)))
        };
        [
            line("events a second", |it| it.calls),
            line("deliveries a second", |it| it.deliveries),
            line("CPU of a delivery", |it| it.cpu),
            line("p50", |it| it.latency.p50),
            line("p99", |it| it.latency.p99),
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Latency;

    fn figures(rate: f64, cpu: f64, ms: f64) -> Figures {
        let latency = Latency { p50: ms, p95: 2.0 * ms, p99: 3.0 * ms };
        let (calls, deliveries) = (rate, 2.0 * rate);
        Figures {
            calls,
            deliveries,
            repeated: 0,
            latency,
            cpu,
            receiver_cpu: 0.5,
            driver_cpu: 0.25,
            peak_memory: 9.0,
        }
    }

    fn value(text: &str, begin: &str) -> String {
        let line = text.lines().find(|line| line.starts_with(begin)).unwrap_or_default();
        line.split_whitespace().skip_while(|word| word.parse::<f64>().is_err()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_server_is_set_against_both_limits() {
        let pair = |full, steady| Pair { full: Some(full), steady: Some(steady) };
        let report = Limits {
            panora: pair(figures(100.0, 1.0, 9.0), figures(5.0, 1.0, 4.0)),
            bare: pair(figures(1000.0, 0.25, 1.0), figures(5.0, 1.0, 1.0)),
            committed: pair(figures(500.0, 0.5, 2.0), figures(5.0, 1.0, 1.5)),
            endpoints: 2,
            rate: 7,
        };
        let text = report.text();
        assert_eq!(value(&text, "events a second, as a part of the bare"), "0.100");
        assert_eq!(value(&text, "deliveries a second, as a part of the commit-first"), "0.200");
        assert_eq!(value(&text, "CPU of an event, in posts"), "8.00");
        assert_eq!(value(&text, "CPU of an event, in such posts"), "2.67");
        assert!(text.contains("+2.50 ms") && text.contains("+7.50 ms"), "{text}");
    }

    #[test]
    fn a_part_that_was_left_out_is_not_told() {
        let pair = |steady| Pair { full: None, steady: Some(steady) };
        let (without, with) = (pair(figures(5.0, 1.0, 2.0)), pair(figures(5.0, 1.0, 3.0)));
        let text = Comparison { what: "trouble", without, with, rate: 50 }.text();
        assert!(!text.contains("full speed"));
        assert!(
            text.lines()
                .any(|line| line.contains("with trouble / no trouble: p99") && line.ends_with("1.500")),
            "{text}"
        );
    }
}
