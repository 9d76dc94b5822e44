//! `omega kernel diff|swap|rollback`: changing the checker of a node.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::registry::named;
use crate::failure::Failure;
use crate::report::{Outcome, Report, plural};
use crate::serve::client::Target;

/// Differences that people read about one by one.
const LINES: usize = 20;

/// Flags of `kernel diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega kernel diff --data node new.wasm
  omega kernel diff --data node old.wasm new.wasm

The whole archive of the node is judged again. With one kernel, what it says
is held against the certificates; with two, against each other.
0: nothing would be another. 10: something would.")]
pub struct DiffArgs {
    /// A file, or the hash of a kernel that the node has; one or two
    #[arg(value_name = "KERNEL", required = true, num_args = 1..=2)]
    pub kernels: Vec<String>,
    /// The node
    #[command(flatten)]
    pub target: Target,
}

/// Flags of `kernel swap`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega kernel swap --data node new.wasm
  omega kernel swap --data node new.wasm --accept 12 --accept 40

The kernel judges the whole archive again, then what comes, beside the one in
place, and takes over between two batches; a swap certificate says so. Past
verdicts stand. Those that would be others block the swap, unless each is
accepted by its height. Where the new kernel fails in the first batches, the
one before comes back by itself.")]
pub struct SwapArgs {
    /// A file, or the hash of a kernel that the node has
    #[arg(value_name = "KERNEL")]
    pub kernel: String,
    /// Height of a past verdict that may be another; repeat it for each
    #[arg(long, value_name = "HEIGHT")]
    pub accept: Vec<u64>,
    /// The node
    #[command(flatten)]
    pub target: Target,
}

/// Flags of `kernel rollback`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega kernel rollback --data node

Puts the kernel before the one in place back: at once where the node keeps it
ready, which it does for a while after a swap; otherwise as a swap does. That
takes a certificate, too: nothing is undone.")]
pub struct RollbackArgs {
    /// The node
    #[command(flatten)]
    pub target: Target,
}

/// Compares.
pub fn diff(args: &DiffArgs) -> Result<Report, Failure> {
    let said = args.target.with(|node| {
        let ask = |name: &String| {
            let hash = named(node, name)?;
            node.post(&format!("/api/kernels/{hash}/diff"), "application/json", b"{}")
        };
        args.kernels.iter().map(ask).collect::<Result<Vec<_>, _>>()
    })?;
    let differences = match &said[..] {
        [one] => one["differences"].as_array().cloned().unwrap_or_default(),
        [one, other] => between(one, other),
        _ => Vec::new(),
    };
    let replayed = said.first().map_or(Value::Null, |one| one["replayed"].clone());
    let count = differences.len() as u64;
    let outcome = if count == 0 { Outcome::Ok } else { Outcome::Conflict };
    let message = match count {
        0 => format!(
            "{} past verdicts, judged again, are the same to the bit",
            replayed.as_str().unwrap_or("0")
        ),
        _ => format!(
            "{} of {} would be others",
            plural(count, "past verdict"),
            replayed.as_str().unwrap_or("0")
        ),
    };
    let mut report = Report::new("kernel", outcome).message(message);
    for difference in differences.iter().take(LINES) {
        let text = |name: &str| difference[name].as_str().unwrap_or_default();
        report = report.line(format!(
            "  height {}: {} → {}: {}",
            text("height"),
            text("old_verdict"),
            text("new_verdict"),
            text("what")
        ));
    }
    if differences.len() > LINES {
        report = report.line(format!(
            "  … and {} more; --json and the answer on stdout list them",
            differences.len() - LINES
        ));
    }
    let kernels: Vec<Value> = said.iter().map(|one| one["kernel"].clone()).collect();
    Ok(report.field("kernels", kernels).field("replayed", replayed).field("differences", differences))
}

/// Verdicts that two kernels give differently, from what each says beside the certificates.
fn between(one: &Value, other: &Value) -> Vec<Value> {
    let by_height = |said: &Value| -> BTreeMap<u64, Value> {
        let all = said["differences"].as_array().cloned().unwrap_or_default();
        let height = |difference: &Value| difference["height"].as_str()?.parse().ok();
        all.into_iter().filter_map(|difference| Some((height(&difference)?, difference))).collect()
    };
    let (one, other) = (by_height(one), by_height(other));
    let heights: BTreeSet<u64> = one.keys().chain(other.keys()).copied().collect();
    let difference = |height: u64| {
        let (a, b) = (one.get(&height), other.get(&height));
        if a.map(|a| &a["new_core_hash"]) == b.map(|b| &b["new_core_hash"]) {
            return None;
        }
        // Where one has no entry, it says what is certified, which the other's entry names.
        let verdict = |this: Option<&Value>, that: Option<&Value>| match (this, that) {
            (Some(this), _) => this["new_verdict"].clone(),
            (None, Some(that)) => that["old_verdict"].clone(),
            (None, None) => Value::Null,
        };
        Some(json!({
            "height": height.to_string(),
            "old_verdict": verdict(a, b),
            "new_verdict": verdict(b, a),
            "what": b.or(a).map_or(Value::Null, |it| it["what"].clone()),
        }))
    };
    heights.into_iter().filter_map(difference).collect()
}

/// Puts in place.
pub fn swap(args: &SwapArgs) -> Result<Report, Failure> {
    let accept: Vec<String> = args.accept.iter().map(u64::to_string).collect();
    let said = args.target.with(|node| {
        let hash = named(node, &args.kernel)?;
        let body = json!({ "accept": accept }).to_string();
        node.post(&format!("/api/kernels/{hash}/swap"), "application/json", body.as_bytes())
    })?;
    Ok(swapped(&said))
}

/// Puts back.
pub fn rollback(args: &RollbackArgs) -> Result<Report, Failure> {
    let said = args.target.with(|node| node.post("/api/kernels/rollback", "application/json", b"{}"))?;
    Ok(swapped(&said))
}

fn swapped(said: &Value) -> Report {
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    let message = format!("kernel {} is in place, from height {} on", text("new_kernel"), text("height"));
    let names = ["height", "old_kernel", "new_kernel", "replayed", "differences", "pause_us"];
    names.into_iter().fold(Report::new("kernel", Outcome::Ok).message(message), |report, name| {
        report.field(name, said[name].clone())
    })
}
