//! What stands where another kind of file was wanted, as a hint: told by the first bytes alone.

use std::path::Path;

use omega_kernel::fault::FaultCode;
use omega_kernel::{cert_index, cert_log, certificate, frame, proof, snapshot};

use crate::failure::{Code, HostCode};

/// Bytes that tell a kind; a CloudEvent's version stands within them.
pub const START_BYTES: u64 = 4096;
/// Bytes in which JSON shows itself.
const JSON_BYTES: usize = 64;
/// The first bytes of what `reconcile` writes.
pub const RESULT_MAGIC: [u8; 8] = *b"\x89OMR\r\n\x1a\n";
/// The first bytes of what `policy propose` writes.
pub const PROPOSAL_MAGIC: [u8; 8] = *b"\x89OMA\r\n\x1a\n";
/// The first bytes of the verify page; its version follows.
pub const PAGE_MAGIC: &[u8] = b"<!doctype html>\n<!-- omega verify-page ";
/// The first bytes of an evidence file: a verify page with parts in it. Its version follows.
pub const EVIDENCE_MAGIC: &[u8] = b"<!doctype html>\n<!-- omega evidence ";

/// The kind of file that starts like this, by its stable name; none for text, and for what is unknown.
pub fn kind_of(start: &[u8]) -> Option<&'static str> {
    let magics: [(&[u8], &'static str); 12] = [
        (&frame::MAGIC, "log"),
        (&certificate::MAGIC, "certificate"),
        (&cert_log::LOG_HEADER[..8], "certificate-log"),
        (&cert_index::INDEX_HEADER[..8], "certificate-index"),
        (b"\x89OMH\r\n\x1a\n", "certificate-hash"),
        (&RESULT_MAGIC, "result"),
        (&PROPOSAL_MAGIC, "proposal"),
        (&proof::MAGIC, "proof"),
        (&snapshot::MAGIC, "snapshot"),
        (b"OMGRUN", "run"),
        (PAGE_MAGIC, "verify-page"),
        (EVIDENCE_MAGIC, "evidence"),
    ];
    if start.starts_with(b"\0asm") {
        // Component binaries name layer 1 in the two bytes after the version.
        let component = matches!(start.get(4..8), Some([_, _, 1, 0]));
        return Some(if component { "kernel" } else { "wasm-module" });
    }
    magics.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, kind)| *kind)
}

/// A kind of file that a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// An `.omega` log.
    Log,
    /// A certificate.
    Certificate,
    /// A log of certificates.
    CertLog,
    /// What `reconcile` wrote.
    Result,
    /// What `policy propose` wrote.
    Proposal,
    /// A proof.
    Proof,
    /// A state.
    Snapshot,
}

/// What to do about a failure where the file that it is about is of another kind than was wanted, by
/// its first bytes; none where that is not why.
pub fn advice(code: Code, file: &str, start: &[u8]) -> Option<String> {
    hint_for(file, start, wanted(code)?)
}

/// The kind that was wanted where this was found instead.
pub fn wanted(code: Code) -> Option<Wanted> {
    Some(match code {
        Code::Kernel(FaultCode::NotALog) | Code::Host(HostCode::JsonInvalid) => Wanted::Log,
        Code::Kernel(FaultCode::CertMalformed) => Wanted::Certificate,
        Code::Kernel(FaultCode::ProofMalformed) => Wanted::Proof,
        Code::Kernel(FaultCode::SnapshotMalformed) => Wanted::Snapshot,
        Code::Kernel(FaultCode::CertLogDamaged) | Code::Host(HostCode::StoreDamaged) => Wanted::CertLog,
        Code::Host(HostCode::ResultInvalid) => Wanted::Result,
        Code::Host(HostCode::ProposalInvalid) => Wanted::Proposal,
        _ => return None,
    })
}

/// What to do about a file that starts like another kind than `wanted`; none where it may be of that
/// kind.
fn hint_for(file: &str, start: &[u8], wanted: Wanted) -> Option<String> {
    let (found, hint) = match kind_of(start) {
        Some("log") => (Wanted::Log, "This is an .omega log: give it with --input."),
        Some("certificate") => (Wanted::Certificate, "This is a certificate: use --cert."),
        Some("certificate-log") => (Wanted::CertLog, "This is a certificate log: use --cert-log."),
        Some("result") => (Wanted::Result, "This is a result: `omega certify --result` signs it."),
        Some("proposal") => (
            Wanted::Proposal,
            "This is a proposed change of policy: `omega policy show --proposal` says what.",
        ),
        Some("proof") => (Wanted::Proof, "This is a proof: `omega verify --proof` checks it."),
        Some("snapshot") => (Wanted::Snapshot, "This is a snapshot of a state: use --snapshot."),
        Some("evidence") => {
            return Some(format!(
                "This is an evidence file: open it in a browser, or better, drop it on a verify page that you \
                 trust; `omega explain --input {file}` lists what is in it."
            ));
        }
        Some("verify-page") => return Some("This is the verify page: open it in a browser.".to_owned()),
        _ => return text(file, start, wanted),
    };
    (found != wanted).then(|| hint.to_owned())
}

/// For what is none of this program's own files: text, where a log was wanted.
fn text(file: &str, start: &[u8], wanted: Wanted) -> Option<String> {
    // The bytes may end within a character.
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    if wanted != Wanted::Log {
        return None;
    }
    let opens = text.trim_start().starts_with(['{', '[']);
    if opens && text.contains("\"specversion\"") {
        return Some(format!("This is a CloudEvent: omega import jsonl --input {file}"));
    }
    if opens {
        // Where JSON is read, its reader says what is wrong with it.
        return None;
    }
    let says = "Events as JSON or JSON lines are accepted; `omega import` makes logs of other things.";
    Some(says.to_owned())
}

/// What to do about JSON where only the log that was made of it will do.
pub fn json_for_log(file: &str, start: &[u8]) -> Option<String> {
    let first = start.iter().take(JSON_BYTES).find(|byte| !byte.is_ascii_whitespace())?;
    matches!(first, b'{' | b'[').then(|| {
        let kept = Path::new(file).with_extension("omega");
        format!(
            "This is JSON, and logs are what is certified: give the log kept beside it ({}), which \
             `check --certify` and `import` write.",
            kept.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_where_another_was_wanted_and_not_where_it_was() {
        let cases: [(&[u8], Wanted, &str); 4] = [
            (&frame::MAGIC, Wanted::Log, "--input"),
            (&certificate::MAGIC, Wanted::Certificate, "--cert."),
            (&cert_log::LOG_HEADER, Wanted::CertLog, "--cert-log"),
            (&snapshot::MAGIC, Wanted::Snapshot, "--snapshot"),
        ];
        for (bytes, kind, hint) in cases {
            assert_eq!(hint_for("x.bin", bytes, kind), None);
            assert!(hint_for("x.bin", bytes, Wanted::Result).unwrap().contains(hint));
        }
        let json = b"{\"specversion\": \"1.0\"}";
        assert!(hint_for("x.bin", json, Wanted::Log).unwrap().contains("import jsonl"));
        assert!(json_for_log("x.bin", json).unwrap().contains("x.omega"));
        assert!(hint_for("x.bin", b"a diary", Wanted::Log).unwrap().contains("omega import"));
        assert_eq!(advice(Code::Usage, "x.bin", json), None);
        let evidence = hint_for("e.html", &[EVIDENCE_MAGIC, b"1 -->"].concat(), Wanted::Certificate).unwrap();
        assert!(evidence.contains("omega explain --input e.html"), "{evidence}");
        assert!(hint_for("e.html", PAGE_MAGIC, Wanted::Log).unwrap().contains("browser"));
    }
}
