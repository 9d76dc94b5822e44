//! What stands where another kind of file was wanted, as a hint: told by the first bytes alone.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use omega_kernel::fault::FaultCode;
use omega_kernel::{cert_log, certificate, frame, proof, snapshot};

use crate::failure::{Code, Failure, HostCode};
use crate::result;

/// Bytes that tell a kind; a CloudEvent's version stands within them.
const START_BYTES: u64 = 4096;

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
    /// A proof.
    Proof,
    /// A state.
    Snapshot,
}

/// A failure about a file of another kind, with a hint that says so; any other as it is.
pub fn advised(failure: Failure) -> Failure {
    let hint = wanted(failure.code).zip(failure.file.as_ref());
    match hint.and_then(|(wanted, file)| hint_for(Path::new(file), wanted)) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The kind that was wanted where this was found instead.
fn wanted(code: Code) -> Option<Wanted> {
    Some(match code {
        Code::Kernel(FaultCode::NotALog) | Code::Host(HostCode::JsonInvalid) => Wanted::Log,
        Code::Kernel(FaultCode::CertMalformed) => Wanted::Certificate,
        Code::Kernel(FaultCode::ProofMalformed) => Wanted::Proof,
        Code::Kernel(FaultCode::SnapshotMalformed) => Wanted::Snapshot,
        Code::Kernel(FaultCode::CertLogDamaged) | Code::Host(HostCode::StoreDamaged) => Wanted::CertLog,
        Code::Host(HostCode::ResultInvalid) => Wanted::Result,
        _ => return None,
    })
}

/// What to do about a file that is of another kind than `wanted`; none where it may be of that kind,
/// or cannot be read.
pub fn hint_for(path: &Path, wanted: Wanted) -> Option<String> {
    let mut start = Vec::new();
    // A pipe was read already, and would wait for ever.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    File::open(path).ok()?.take(START_BYTES).read_to_end(&mut start).ok()?;
    let (found, hint) = if start.starts_with(&frame::MAGIC) {
        (Some(Wanted::Log), "This is an .omega log: give it with --input.".to_owned())
    } else if start.starts_with(&certificate::MAGIC) {
        (Some(Wanted::Certificate), "This is a certificate: use --cert.".to_owned())
    } else if start.starts_with(&cert_log::LOG_HEADER[..8]) {
        (Some(Wanted::CertLog), "This is a certificate log: use --cert-log.".to_owned())
    } else if start.starts_with(&result::MAGIC) {
        (Some(Wanted::Result), "This is a result: `omega certify --result` signs it.".to_owned())
    } else if start.starts_with(&proof::MAGIC) {
        (Some(Wanted::Proof), "This is a proof: `omega verify --proof` checks it.".to_owned())
    } else if start.starts_with(&snapshot::MAGIC) {
        (Some(Wanted::Snapshot), "This is a snapshot of a state: use --snapshot.".to_owned())
    } else {
        (None, text(path, &start, wanted)?)
    };
    (found != Some(wanted)).then_some(hint)
}

/// For what is none of this program's own files: text, where a log was wanted.
fn text(path: &Path, start: &[u8], wanted: Wanted) -> Option<String> {
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
    let shown = path.display();
    let opens = text.trim_start().starts_with(['{', '[']);
    if opens && text.contains("\"specversion\"") {
        return Some(format!("This is a CloudEvent: omega import jsonl --input {shown}"));
    }
    if opens {
        // Where JSON is read, its reader says what is wrong with it.
        return None;
    }
    let says = "Events as JSON or JSON lines are accepted; `omega import` makes logs of other things.";
    Some(says.to_owned())
}

/// What to do about JSON where only the log that was made of it will do.
pub fn json_for_log(path: &Path) -> Option<String> {
    let mut start = Vec::new();
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    File::open(path).ok()?.take(64).read_to_end(&mut start).ok()?;
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace())?;
    matches!(first, b'{' | b'[').then(|| {
        let kept = path.with_extension("omega");
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
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bin");
        let cases: [(&[u8], Wanted, &str); 4] = [
            (&frame::MAGIC, Wanted::Log, "--input"),
            (&certificate::MAGIC, Wanted::Certificate, "--cert."),
            (&cert_log::LOG_HEADER, Wanted::CertLog, "--cert-log"),
            (&snapshot::MAGIC, Wanted::Snapshot, "--snapshot"),
        ];
        for (bytes, kind, hint) in cases {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(hint_for(&path, kind), None);
            assert!(hint_for(&path, Wanted::Result).unwrap().contains(hint));
        }
        std::fs::write(&path, "{\"specversion\": \"1.0\"}").unwrap();
        assert!(hint_for(&path, Wanted::Log).unwrap().contains("import jsonl"));
        assert!(json_for_log(&path).unwrap().contains("x.omega"));
        std::fs::write(&path, "a diary").unwrap();
        assert!(hint_for(&path, Wanted::Log).unwrap().contains("omega import"));
        assert_eq!(hint_for(&folder.path().join("none"), Wanted::Log), None);
    }
}
