//! From rounds to what is printed: of each figure the middle one of three.

use std::fmt::Write as _;

use super::callers::Figures;

/// A target's figures each, in order.
pub type Round = Vec<Figures>;

pub struct Rounds {
    names: Vec<&'static str>,
    rounds: Vec<Round>,
}

impl Rounds {
    pub fn new(names: impl Iterator<Item = &'static str>) -> Self {
        Self { names: names.collect(), rounds: Vec::new() }
    }

    pub fn add(&mut self, round: Round) {
        self.rounds.push(round);
    }

    /// A line a target, and what the last takes of the others'.
    pub fn text(&self, title: &str) -> String {
        let mut text =
            format!("{title:<32}{:>10}{:>10}{:>10}{:>14}\n", "calls/s", "p50 ms", "p99 ms", "CPU-ms/call");
        let all: Vec<Figures> = (0..self.names.len()).map(|index| self.middle(index)).collect();
        for (name, it) in self.names.iter().zip(&all) {
            let cpu = if it.cpu > 0.0 { format!("{:.4}", it.cpu) } else { "-".to_owned() };
            let (calls, p50, p99) = (it.calls, it.p50, it.p99);
            let _ = writeln!(text, "  {name:<30}{calls:>10.0}{p50:>10.3}{p99:>10.3}{cpu:>14}");
        }
        if let Some((panora, others)) = all.split_last() {
            for (name, other) in self.names.iter().zip(others) {
                let share = panora.calls / other.calls * 100.0;
                let more = panora.p50 - other.p50;
                let _ = writeln!(text, "  beside {name}: {share:.0} % of the calls, p50 {more:+.3} ms");
            }
        }
        text.push('\n');
        text
    }

    fn middle(&self, target: usize) -> Figures {
        let of = |figure: fn(&Figures) -> f64| {
            let mut all: Vec<f64> = self.rounds.iter().map(|round| figure(&round[target])).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        Figures { calls: of(|it| it.calls), p50: of(|it| it.p50), p99: of(|it| it.p99), cpu: of(|it| it.cpu) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_round_counts_and_the_last_target_is_compared() {
        let of = |calls, p50| Figures { calls, p50, p99: 0.0, cpu: 0.0 };
        let mut rounds = Rounds::new(["nginx", "panora"].into_iter());
        for (nginx, panora) in [(100.0, 50.0), (200.0, 150.0), (900.0, 180.0)] {
            rounds.add(vec![of(nginx, 1.0), of(panora, 1.5)]);
        }
        let text = rounds.text("small");
        assert!(text.contains("beside nginx: 75 % of the calls, p50 +0.500 ms"), "{text}");
    }
}
