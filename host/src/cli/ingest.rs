//! `omega ingest`: is this one log sound, and what is in it?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde_json::json;

use crate::failure::Failure;
use crate::produce::append::damaged;
use crate::produce::event::show_id;
use crate::produce::ingest::{Dropped, dropped, keep_prefix};
use crate::produce::reading::{Survey, read_log};
use crate::report::{Outcome, Report, plural};

/// Writers and mismatching events that are listed one by one.
const LISTED: usize = 1000;

/// Flags of `ingest`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega ingest --input alice.omega
  omega ingest --input damaged.omega --recover clean.omega

Checks header, frames, schema, canonical form, payload hashes and the head of
one log, and says what is in it. Whether its events obey the rules is for
`omega check`. --recover copies the clean prefix and changes nothing in place.")]
pub struct Args {
    /// The log
    #[arg(long, value_name = "X.omega")]
    pub input: PathBuf,

    /// Keep what stands before the damage in this new file
    #[arg(long, value_name = "OUT")]
    pub recover: Option<PathBuf>,
}

/// Checks one log.
pub fn run(args: Args) -> Result<Report, Failure> {
    let (bytes, mut survey) = read_log(&args.input)?;
    let Some(out) = &args.recover else {
        survey.whole().map_err(|fault| damaged(fault.into(), &args.input))?;
        let signed = survey.check_head().map_err(|fault| Failure::from(fault).file(&args.input))?;
        return Ok(summary(&args.input, &mut survey, signed));
    };
    keep_prefix(&bytes, survey.clean_end, out)?;
    let lost = survey.damage.is_some().then(|| dropped(&bytes, survey.clean_end));
    // A head inside the log signed what stood before it; where the cut falls behind one, it counts
    // again, and says whether the prefix is what its writer signed.
    let signed = survey.check_head().map_err(|fault| Failure::from(fault).file(out))?;
    let damage = survey.damage.take();
    let report = summary(&args.input, &mut survey, signed)
        .message(recovered(out, survey.clean_end, lost.as_ref()))
        .field("recovered", out.display().to_string())
        .field("kept_bytes", survey.clean_end)
        .field("dropped", &lost)
        .field(
            "damage",
            damage.as_ref().map(|fault| json!({"code": fault.code.name(), "message": fault.message})),
        );
    Ok(match &lost {
        Some(lost) => lines_of(report, lost),
        None => report,
    })
}

fn recovered(out: &Path, kept: u64, lost: Option<&Dropped>) -> String {
    match lost {
        Some(lost) => format!("kept {kept} bytes in {}, dropped {}", out.display(), lost.bytes),
        None => format!("nothing was damaged: {} is a copy of all {kept} bytes", out.display()),
    }
}

fn lines_of(report: Report, lost: &Dropped) -> Report {
    let report = report.line(format!("  dropped  {} bytes from byte {} on", lost.bytes, lost.offset));
    match lost.first_valid_frame {
        None => report.line("           no valid frame among them"),
        Some(first) => report
            .line(format!(
                "           {} among them, the first at {first}",
                plural(lost.valid_frames, "valid frame")
            ))
            .hint("Get a whole copy from another holder of this log: valid frames were dropped too."),
    }
}

/// What is in a sound log.
fn summary(input: &Path, survey: &mut Survey, signed: bool) -> Report {
    let events = survey.leaves.count();
    let fits = survey.mismatched.is_empty();
    let mut nodes: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for (&(node, _), sequence) in &survey.streams {
        let (events, streams) = nodes.entry(node).or_default();
        *events += sequence.events;
        *streams += 1;
    }
    let writers: Vec<_> = nodes
        .iter()
        .take(LISTED)
        .map(|(node, (events, streams))| json!({"node": node, "events": events, "streams": streams}))
        .collect();
    let mismatched: Vec<_> = survey
        .mismatched
        .iter()
        .take(LISTED)
        .map(|(offset, id)| json!({"id": show_id(*id), "offset": offset}))
        .collect();
    let report = Report::new("ingest", if fits { Outcome::Ok } else { Outcome::Conflict })
        .field("input", input.display().to_string())
        .field("name", &survey.header.name)
        .field("schema_hash", HEXLOWER.encode(&survey.header.schema_hash))
        .field("log_root", HEXLOWER.encode(&survey.leaves.root()))
        .field("events", events)
        .field("distinct_ids", survey.ids.len())
        .field("heads", survey.heads)
        .field(
            "signed_by",
            survey.last_head.as_ref().filter(|_| signed).map(|(_, head)| HEXLOWER.encode(&head.key)),
        )
        .field("bytes", survey.clean_end)
        .field("payload_bytes", survey.payload_bytes)
        .field("erased", survey.erased)
        .field("salted", survey.salted)
        .field("payload_mismatches", survey.mismatched.len())
        .field("mismatched", mismatched)
        .field("lamport", survey.lamport.to_string())
        .field("writer_count", nodes.len())
        .field("stream_count", survey.streams.len())
        .field("writers", writers)
        .line(format!("  name     {}", survey.header.name))
        .line(format!("  root     {}", HEXLOWER.encode(&survey.leaves.root())))
        .line(format!("  writers  {} in {}", nodes.len(), plural(survey.streams.len(), "stream")));
    match fits {
        true => report.message(format!("{} is sound: {}", input.display(), plural(events, "event"))),
        false => report
            .code("payload-hash-match", 2001)
            .message(format!(
                "{}: {} of {events} events have a payload that is not the one they name",
                input.display(),
                survey.mismatched.len()
            ))
            .hint("The frames are whole; the writer, or whoever re-framed them, changed payloads."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::produce::generate::{Ids, Plan};
    use crate::produce::plant::Conflict;
    use crate::produce::writer::Logs;

    fn generate(path: &Path, count: u64, conflict: Option<Conflict>) {
        let plan =
            Plan { count, seed: 1, nodes: 4, streams: 1, payload: 64, deps: 1, ids: Ids::Random, conflict };
        let mut logs = Logs::create(path, None, false).unwrap();
        crate::produce::generate::generate(&plan, &mut logs, None).unwrap();
        logs.finish().unwrap();
    }

    #[test]
    fn a_sound_log_is_summed_up() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("g.omega");
        generate(&input, 100, None);
        let json = run(Args { input, recover: None }).unwrap().to_json();
        assert_eq!((json["exit"].as_u64(), json["events"].as_u64()), (Some(0), Some(100)));
        assert_eq!(json["name"], "g");
        assert_eq!(json["writers"].as_array().unwrap().len(), 4);
        assert!(json["signed_by"].is_null());
    }

    #[test]
    fn a_changed_payload_is_a_conflict_and_not_damage() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("g.omega");
        generate(&input, 10, Some(Conflict::PayloadHashMatch));
        let json = run(Args { input, recover: None }).unwrap().to_json();
        assert_eq!((json["exit"].as_u64(), json["number"].as_u64()), (Some(10), Some(2001)));
        assert_eq!(json["payload_mismatches"], 1);
    }

    #[test]
    fn recovery_says_what_it_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let (input, out) = (dir.path().join("g.omega"), dir.path().join("out.omega"));
        generate(&input, 10, None);
        let mut bytes = std::fs::read(&input).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        std::fs::write(&input, &bytes).unwrap();
        let failure = run(Args { input: input.clone(), recover: None }).unwrap_err();
        assert_eq!(failure.code.name(), "frame-damaged");
        let json = run(Args { input: input.clone(), recover: Some(out.clone()) }).unwrap().to_json();
        let (kept, events) = (json["kept_bytes"].as_u64().unwrap(), json["events"].as_u64().unwrap());
        assert_eq!(kept + json["dropped"]["bytes"].as_u64().unwrap(), bytes.len() as u64);
        assert_eq!(events + 1 + json["dropped"]["valid_frames"].as_u64().unwrap(), 10);
        assert_eq!(std::fs::read(&input).unwrap(), bytes, "the input stays");
        let json = run(Args { input: out.clone(), recover: None }).unwrap().to_json();
        assert_eq!(json["events"].as_u64(), Some(events));
        assert_eq!(run(Args { input, recover: Some(out) }).unwrap_err().code.name(), "write-failed");
    }
}
