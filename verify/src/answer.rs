//! What verifying answers: the JSON object and the lines for people, made of the checks.

use omega_kernel::body::VerdictKind;
use omega_kernel::certificate::CertType;
use serde_json::Value;

use crate::checks::{Check, Status};
use crate::report::{Outcome, Report};
use crate::request::Verified;

/// What `omega verify` answers.
pub fn report(verified: &Verified) -> Report {
    let list = verified.checks.collapsed();
    let decisive = verified.checks.decisive();
    let mut report = match decisive {
        None => Report::new("verify", Outcome::Verified).message(says(verified)),
        Some(check) => failed(check),
    };
    for check in &list {
        report = report.line(check.to_line());
    }
    if let Some(newest) = &verified.newest {
        let hex = |bytes: &[u8]| crate::hex::encode(bytes);
        let fields = newest.fields();
        report = report
            .field("verdict", crate::verdict_name(newest))
            .field("cert_type", newest.kind().name())
            .field("cert_id", format!("{:032x}", newest.id()))
            .field("height", fields.height.to_string())
            .field("batch_id", fields.batch_id.to_string())
            .field("chain_id", hex(&newest.chain_id()))
            .field("chain_hash", hex(&newest.chain_hash()))
            .field("kernel_hash", hex(&fields.binding.kernel_hash));
    }
    let missing: Vec<&str> = list
        .iter()
        .filter(|check| check.status != Status::Passed)
        .map(|check| check.detail.as_str())
        .collect();
    report
        .field("checks", list.iter().map(Check::to_json).collect::<Vec<Value>>())
        .field("not_shown", missing)
        .field("certificates", &verified.entries)
        .field("proof", &verified.proven)
        .field("torn_tail_bytes", verified.torn_tail_bytes)
}

fn failed(check: &Check) -> Report {
    let (Status::Failed(code) | Status::Missing(code)) = check.status else {
        return Report::new("verify", Outcome::Internal);
    };
    let place = check.height.map_or(String::new(), |height| format!(" at height {height}"));
    let report = Report::new("verify", code.into())
        .code(code.name(), code.number())
        .message(format!("{}{place}: {}", check.name, check.detail));
    match &check.hint {
        Some(hint) => report.hint(hint),
        None => report,
    }
}

/// What the evidence says, now that it is right.
fn says(verified: &Verified) -> String {
    let Some(newest) = &verified.newest else { return "nothing was checked".to_owned() };
    let height = newest.fields().height;
    let judged = verified.checks.judged_again(height);
    let unjudged = "the logs were not judged again";
    let what = match (newest.verdict(), newest.kind()) {
        (Some(VerdictKind::Merge), _) if judged => ": the logs agree (merge)".to_owned(),
        (Some(VerdictKind::Merge), _) => format!(" and states that the logs agree; {unjudged}"),
        (Some(VerdictKind::Obstruction), _) if judged => ": the logs conflict (obstruction)".to_owned(),
        (Some(VerdictKind::Obstruction), _) => {
            format!(": by its evidence the logs conflict (obstruction); {unjudged}")
        }
        (None, CertType::Genesis) => ": a chain starts here".to_owned(),
        (None, CertType::Policy) => ": the signing policy changes".to_owned(),
        (None, _) => ": the checker changes".to_owned(),
    };
    let proof = verified.proven.as_ref().and_then(|proven| proven["shows"].as_str());
    let proof = proof.map_or(String::new(), |shows| format!(" The proof holds: {shows}"));
    match verified.whole_log {
        false => {
            let batch = newest.fields().batch_id;
            let of = newest.verdict().map_or(String::new(), |_| format!(" of batch {batch}"));
            format!("the certificate{of} is sound{what}.{proof}")
        }
        true => {
            let all = match verified.entries.len() {
                1 => "the one certificate is sound".to_owned(),
                count => format!("all {count} certificates are sound"),
            };
            let what = what.strip_prefix(" and").map_or(what.clone(), |states| format!(",{states}"));
            format!("{all}; the newest, at height {height}{what}.{proof}")
        }
    }
}
