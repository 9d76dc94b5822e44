//! A list of checks: what was looked at and what came out, each on its own.

use std::collections::BTreeMap;

use omega_kernel::fault::FaultCode;
use serde_json::{Value, json};

use crate::failure::{Code, Failure, HostCode};
use crate::kind;
use crate::platform::Platform;
use crate::report::wrap;

/// Checks of one kind that are listed one by one; the others are counted.
const LISTED_EACH: usize = 20;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    Passed,
    /// It does not hold, or could not be finished: the code tells which.
    Failed(Code),
    /// It was needed for an answer, and something for it is missing.
    Missing(Code),
    /// It was not asked for.
    Unchecked,
}

/// One check.
#[derive(Debug, Clone)]
pub struct Check {
    /// Stable name of what was checked.
    pub name: &'static str,
    /// What it came to.
    pub status: Status,
    /// Height of the certificate that it is about, in a log of them.
    pub height: Option<u64>,
    /// One sentence for people.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file that a failure is about.
    file: Option<String>,
}

impl Check {
    /// Weight of its answer: wrong evidence, then failures of this program, then no answer; among
    /// those without an answer, what was damaged before what is merely missing or not trusted.
    fn weight(&self) -> u8 {
        match self.status {
            Status::Passed | Status::Unchecked => 0,
            Status::Failed(code) | Status::Missing(code) => match code.exit() {
                20 => 4,
                30 if damage(code) => 2,
                30 => 1,
                _ => 3,
            },
        }
    }

    /// The file that a failure is about.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The check as JSON.
    pub fn to_json(&self) -> Value {
        let (status, code) = match self.status {
            Status::Passed => ("passed", None),
            Status::Failed(code) if code.exit() == 30 => ("could-not-check", Some(code)),
            Status::Failed(code) => ("failed", Some(code)),
            Status::Missing(code) => ("unchecked", Some(code)),
            Status::Unchecked => ("unchecked", None),
        };
        json!({
            "check": self.name,
            "status": status,
            "code": code.map(Code::name),
            "number": code.map(Code::number),
            "height": self.height.map(|height| height.to_string()),
            "detail": self.detail,
        })
    }

    /// The check as a line for people.
    pub fn to_line(&self) -> String {
        let mark = match self.status {
            Status::Passed => "passed",
            Status::Failed(code) if code.exit() == 30 => "could not",
            Status::Failed(code) if code.exit() == 20 => "WRONG",
            Status::Failed(_) => "ERROR",
            Status::Missing(_) | Status::Unchecked => "not checked",
        };
        let place = self.height.map_or(String::new(), |height| format!("height {height}: "));
        let text = format!("{place}{}", self.detail);
        wrap(&format!("  {mark:<11} {:<13} {text}", self.name), "                            ")
    }
}

/// All checks of a run, in the order they were made.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    list: Vec<Check>,
    /// Height that is put on checks from now on.
    pub height: Option<u64>,
}

impl Checks {
    /// It holds.
    pub fn pass(&mut self, name: &'static str, detail: impl Into<String>) {
        self.push(name, Status::Passed, detail.into());
    }

    /// It does not hold, or could not be finished.
    pub fn fail(&mut self, name: &'static str, failure: impl Into<Failure>) {
        let failure = failure.into();
        self.push_failure(name, Status::Failed(failure.code), failure);
    }

    /// Something that it needs is missing.
    pub fn missing(&mut self, name: &'static str, failure: impl Into<Failure>) {
        let failure = failure.into();
        self.push_failure(name, Status::Missing(failure.code), failure);
    }

    /// Nobody asked for it.
    pub fn unchecked(&mut self, name: &'static str, detail: impl Into<String>) {
        self.push(name, Status::Unchecked, detail.into());
    }

    /// The check that decides the answer: the first with wrong evidence, otherwise the first
    /// without an answer; none where all is well.
    pub fn decisive(&self) -> Option<&Check> {
        let most = self.list.iter().map(Check::weight).max().filter(|&weight| weight > 0)?;
        self.list.iter().find(|check| check.weight() == most)
    }

    /// Whether the verdict at a height, or that of a certificate alone, was judged again and came
    /// out the same.
    pub fn judged_again(&self, height: u64) -> bool {
        let of = |check: &Check| check.height.is_none_or(|at| at == height);
        self.list.iter().any(|check| check.name == "logs" && check.status == Status::Passed && of(check))
    }

    /// What does not hold or could not be checked, each with its code, in the order it was found.
    pub fn concerns(&self) -> impl Iterator<Item = (&Check, Code)> {
        self.list.iter().filter_map(|check| match check.status {
            Status::Failed(code) | Status::Missing(code) => Some((check, code)),
            Status::Passed | Status::Unchecked => None,
        })
    }

    /// How many checks of a name passed.
    pub fn passed(&self, name: &str) -> usize {
        self.list.iter().filter(|check| check.name == name && check.status == Status::Passed).count()
    }

    /// The first check of a name.
    pub fn named(&self, name: &str) -> Option<&Check> {
        self.list.iter().find(|check| check.name == name)
    }

    /// The list for a report, in which one line stands for all heights at which the same passed, was
    /// not asked for, or is missing for the same reason. What failed is listed height by height.
    pub fn collapsed(&self) -> Vec<Check> {
        let key = |check: &Check| {
            let reason = matches!(check.status, Status::Missing(_)).then(|| check.detail.clone());
            (check.name, format!("{:?}", check.status), reason, check.height.is_some())
        };
        let mut all: BTreeMap<_, usize> = BTreeMap::new();
        for check in &self.list {
            *all.entry(key(check)).or_default() += 1;
        }
        let mut seen: BTreeMap<_, usize> = BTreeMap::new();
        let mut out = Vec::new();
        for check in &self.list {
            let all = all.get(&key(check)).copied().unwrap_or(1);
            let seen = seen.entry(key(check)).or_default();
            *seen += 1;
            let (first, last) = (*seen == 1, *seen == all);
            let one_for_all = check.height.is_some() && all > 1;
            match check.status {
                Status::Passed | Status::Unchecked if one_for_all && last => {
                    let detail = format!("{all} certificates; the last: {}", check.detail);
                    out.push(Check { height: None, detail, ..check.clone() });
                }
                Status::Missing(_) if one_for_all && first => {
                    let detail = format!("{} (so for {all} certificates, this one first)", check.detail);
                    out.push(Check { detail, ..check.clone() });
                }
                Status::Passed | Status::Unchecked | Status::Missing(_) if one_for_all => {}
                Status::Failed(_) if *seen > LISTED_EACH => {
                    if last {
                        let detail = format!("and {} more of this kind", all - LISTED_EACH);
                        out.push(Check { height: None, detail, hint: None, ..check.clone() });
                    }
                }
                _ => out.push(check.clone()),
            }
        }
        out
    }

    /// Looks at the files that failures are about, and says where one is of another kind than was
    /// wanted.
    pub async fn advise(&mut self, platform: &impl Platform) {
        for check in &mut self.list {
            let (Status::Failed(code), Some(file)) = (check.status, &check.file) else { continue };
            if kind::wanted(code).is_some()
                && let Some(start) = platform.start(file).await
                && let Some(hint) = kind::advice(code, file, &start)
            {
                check.hint = Some(hint);
            }
        }
    }

    fn push(&mut self, name: &'static str, status: Status, detail: String) {
        self.list.push(Check { name, status, height: self.height, detail, hint: None, file: None });
    }

    fn push_failure(&mut self, name: &'static str, status: Status, failure: Failure) {
        let detail = located(&failure);
        let Failure { hint, file, .. } = failure;
        self.list.push(Check { name, status, height: self.height, detail, hint, file });
    }
}

/// Whether a code tells of bytes that cannot be read, not of something or somebody unknown.
fn damage(code: Code) -> bool {
    match code {
        Code::Kernel(code) => code != FaultCode::ThresholdUnmet,
        Code::Host(code) => !matches!(
            code,
            HostCode::SignerUntrusted
                | HostCode::KeyNotInPolicy
                | HostCode::KernelUnknown
                | HostCode::LogMissing
                | HostCode::LogGrown
                | HostCode::SnapshotMissing
                | HostCode::CertificateMissing
                | HostCode::EventNotFound
                | HostCode::InputsUnused
        ),
        Code::Usage | Code::Internal => false,
    }
}

fn located(failure: &Failure) -> String {
    match (&failure.file, failure.offset) {
        (Some(file), Some(offset)) => format!("{} ({file}, byte {offset})", failure.message),
        (Some(file), None) => format!("{} ({file})", failure.message),
        _ => failure.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use omega_kernel::fault::Fault;

    use super::*;

    #[test]
    fn wrong_evidence_outranks_no_answer_and_both_outrank_success() {
        let mut checks = Checks::default();
        checks.pass("format", "a certificate");
        checks.unchecked("freshness", "not asked for");
        assert!(checks.decisive().is_none());
        checks.missing("trust", Failure::new(HostCode::SignerUntrusted, "nobody is trusted"));
        assert_eq!(checks.decisive().unwrap().name, "trust");
        checks.fail("log", Failure::new(HostCode::StoreDamaged, "damaged"));
        assert_eq!(checks.decisive().unwrap().name, "log", "damage before trust");
        let list = checks.collapsed();
        let told = |check: &Check| (check.to_json()["status"].as_str().unwrap().to_owned(), check.to_line());
        let (status, line) = told(list.last().unwrap());
        assert!(status == "could-not-check" && line.trim_start().starts_with("could not"), "{line}");
        checks.fail("logs", Fault::new(FaultCode::VerdictDiffers, "differs"));
        let (status, line) = told(checks.named("logs").unwrap());
        assert!(status == "failed" && line.trim_start().starts_with("WRONG"), "{line}");
        checks.fail("kernel", Failure::new(HostCode::KernelUnknown, "unknown"));
        assert_eq!(checks.decisive().unwrap().name, "logs");
    }

    #[test]
    fn what_passed_at_many_heights_is_one_line_and_what_failed_is_named() {
        let mut checks = Checks::default();
        for height in 0..50 {
            checks.height = Some(height);
            checks.pass("signatures", "all valid");
            checks.fail("kernel", Failure::new(HostCode::KernelUnknown, "unknown"));
        }
        let list = checks.collapsed();
        let of = |name| list.iter().filter(|check| check.name == name).collect::<Vec<_>>();
        assert_eq!(of("signatures").len(), 1);
        assert_eq!(of("kernel").len(), LISTED_EACH + 1);
        assert!(of("kernel")[LISTED_EACH].detail.contains("30 more"));
        let mut checks = Checks::default();
        for height in 3..9 {
            checks.height = Some(height);
            checks.missing("trust", Failure::new(HostCode::SignerUntrusted, "nobody is trusted"));
        }
        let list = checks.collapsed();
        assert_eq!((list.len(), list[0].height), (1, Some(3)));
        assert!(list[0].detail.contains("6 certificates"));
    }
}
