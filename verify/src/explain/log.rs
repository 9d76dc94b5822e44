//! `.omega` logs.

use std::collections::BTreeSet;

use omega_kernel::frame::Frames;
use omega_kernel::wire::{Message, PayloadRef};
use serde_json::json;

use super::{Explained, hex};

/// A log, with what is wrong with it, if anything is.
pub fn log(name: &str, bytes: &[u8]) -> Explained {
    let check = format!("See whether it agrees with others: omega check {} OTHER.omega", name);
    let (header, mut frames) = match Frames::new(bytes) {
        Ok(opened) => opened,
        Err(fault) => {
            let title = "An .omega log whose header cannot be read.";
            return Explained::new("log", title, "Restore it from a copy.").failed(fault, name);
        }
    };
    let (mut events, mut erased, mut salted, mut claims) = (0u64, 0u64, 0u64, 0u64);
    let mut streams = BTreeSet::new();
    let mut lamports: Option<(u64, u64)> = None;
    let mut head = None;
    let mut fault = None;
    for frame in &mut frames {
        match frame.map(|frame| frame.message) {
            Ok(Message::Event(event)) => {
                events += 1;
                streams.insert((event.node, event.stream));
                let (least, greatest) = lamports.unwrap_or((event.lamport, event.lamport));
                lamports = Some((least.min(event.lamport), greatest.max(event.lamport)));
                erased += u64::from(matches!(event.payload(), PayloadRef::Erased { .. }));
                salted += u64::from(matches!(event.payload(), PayloadRef::Present { salt: Some(_), .. }));
                claims += u64::from(event.claim.is_some());
                // Only a head at the very end counts.
                head = None;
            }
            Ok(Message::Head(found)) => head = Some(found),
            Err(found) => fault = Some(found),
        }
    }
    let nodes: BTreeSet<_> = streams.iter().map(|(node, _)| node).collect();
    let recover = format!("Keep the clean part: omega ingest --input {} --recover OUT.omega", name);
    let next = if fault.is_some() { recover } else { check };
    let explained = Explained::new("log", format!("An .omega log named {:?} with {events} events.", header.name), next)
        .fact("name", header.name)
        .fact("schema_hash", hex(&header.schema_hash))
        .fact("bytes", bytes.len())
        .fact("good_bytes", frames.offset())
        .fact("events", events.to_string())
        .fact("writers", nodes.len())
        .fact("streams", streams.len())
        .fact("lamport_from", lamports.map(|(least, _)| least.to_string()))
        .fact("lamport_to", lamports.map(|(_, greatest)| greatest.to_string()))
        .fact("erased_payloads", erased.to_string())
        .fact("salted_payloads", salted.to_string())
        .fact("claims", claims.to_string())
        .fact(
            "signed_head",
            head.map(|head| {
                json!({ "key": hex(&head.key), "events": head.event_count.to_string(), "root": hex(&head.log_root) })
            }),
        );
    match fault {
        Some(fault) => explained.failed(fault, name),
        None => explained,
    }
}
