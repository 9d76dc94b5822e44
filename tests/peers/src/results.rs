//! What was measured, and the figures that follow from it.

use serde::{Deserialize, Serialize};

use crate::contender::{Flipped, Time};
use crate::machine::Machine;

/// A whole run: what the JSON file holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    /// Where and when.
    pub machine: Machine,
    /// The command that measured.
    pub command: String,
    /// Events of a generated log.
    pub events: usize,
    /// Turns that count, after one that does not.
    pub turns: u32,
    /// By data set: what ratios are taken over comes first.
    pub datasets: Vec<Measured>,
}

/// All contenders over one data set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// Short name.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Bytes in a payload, where the data set belongs to the series over payloads.
    pub payload: Option<u32>,
    /// Events in its log.
    pub events: usize,
    /// Bytes of its log.
    pub log_bytes: u64,
    /// In the order of the table.
    pub rows: Vec<Row>,
}

/// One contender over one data set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Version of library or program.
    pub version: String,
    /// What it checks.
    pub checks: String,
    /// What it does not.
    pub does_not_check: String,
    /// Processors that it ran on.
    pub processors: usize,
    /// Events that it checked in each turn.
    pub events: usize,
    /// The turn that does not count.
    pub warm_up: Option<Time>,
    /// Each turn that counts.
    pub turns: Vec<Time>,
    /// What a flipped bit came to.
    pub flipped: Option<Flipped>,
    /// Why it could not be measured, or no further.
    pub failed: Option<String>,
}

/// Which time rates are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The clock's.
    Clock,
    /// The processor's: on a busy machine it hangs less on others.
    Processor,
}

impl Row {
    /// Events in a second: the median of the turns. Nothing where it could not be measured.
    pub fn rate(&self, by: By) -> Option<f64> {
        Some(median(&self.rates(by)?))
    }

    fn rates(&self, by: By) -> Option<Vec<f64>> {
        let of = |time: &Time| match by {
            By::Clock => Some(time.seconds),
            By::Processor => time.processor,
        };
        let rate = |time| Some(self.events as f64 / of(time).filter(|&seconds| seconds > 0.0)?);
        let rates = self.turns.iter().map(rate).collect::<Option<Vec<f64>>>()?;
        (self.failed.is_none() && !rates.is_empty()).then_some(rates)
    }
}

impl Measured {
    /// The row of that name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// How many times as fast one is as another: the median of the ratios within each turn.
    pub fn ratio(&self, of: &str, to: &str, by: By) -> Option<f64> {
        let (of, to) = (self.row(of)?.rates(by)?, self.row(to)?.rates(by)?);
        let ratios: Vec<f64> = of.iter().zip(to).map(|(of, to)| of / to).collect();
        Some(median(&ratios))
    }
}

/// The middle one, or the mean of the two in the middle; there is at least one.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn row(name: &str, seconds: &[f64]) -> Row {
        Row {
            name: name.into(),
            version: "1".into(),
            checks: "all".into(),
            does_not_check: "nothing".into(),
            processors: 1,
            events: 1000,
            warm_up: None,
            turns: seconds.iter().map(|&seconds| Time { seconds, processor: Some(seconds / 2.0) }).collect(),
            flipped: Some(Flipped::Noticed("it".into())),
            failed: None,
        }
    }

    pub fn measured(rows: Vec<Row>) -> Measured {
        let (name, title) = ("256-2-8".into(), "256 B".into());
        Measured { name, title, payload: Some(256), events: 1000, log_bytes: 400_000, rows }
    }

    #[test]
    fn rates_are_medians_of_turns() {
        assert_eq!(row("a", &[1.0, 4.0, 2.0]).rate(By::Clock), Some(500.0));
        assert_eq!(row("a", &[1.0, 2.0]).rate(By::Clock), Some(750.0));
        assert_eq!(row("a", &[1.0]).rate(By::Processor), Some(2000.0));
        let mut unknown = row("a", &[1.0, 2.0]);
        unknown.turns[1].processor = None;
        assert_eq!((unknown.rate(By::Processor), unknown.rate(By::Clock)), (None, Some(750.0)));
        assert_eq!(row("a", &[]).rate(By::Clock), None);
        assert_eq!(Row { failed: Some("no".into()), ..row("a", &[1.0]) }.rate(By::Clock), None);
    }

    #[test]
    fn ratios_are_taken_turn_by_turn() {
        // The machine got twice as slow from turn to turn; the ratio is 3 all the same.
        let all = measured(vec![row("fast", &[1.0, 2.0, 4.0]), row("slow", &[3.0, 6.0, 12.0])]);
        assert_eq!(all.ratio("fast", "slow", By::Clock), Some(3.0));
        assert_eq!(all.ratio("slow", "fast", By::Processor), Some(1.0 / 3.0));
        assert_eq!(all.ratio("fast", "nobody", By::Clock), None);
    }
}
