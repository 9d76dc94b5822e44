//! What to verify, and everything that can be checked of it.

use omega_kernel::certificate::Certificate;
use omega_kernel::proof::Proof;
use serde_json::Value;

use crate::alone::{self, Against};
use crate::cert_log::Records;
use crate::checks::Checks;
use crate::failure::{Failure, HostCode};
use crate::freshness::Pinned;
use crate::inputs::Input;
use crate::judging::Judging;
use crate::platform::{Platform, Source};
use crate::trust::Trust;
use crate::{NO_HEAD, kind, log, proofs};

/// What to verify, and against what.
#[derive(Debug)]
pub struct Request<S, L> {
    /// The evidence.
    pub evidence: Evidence<L>,
    /// Logs that were judged, or why one could not be opened.
    pub inputs: Vec<Result<S, Failure>>,
    /// State that the first of the batches starts from.
    pub snapshot: Option<S>,
    /// Whom to trust; none where nobody said.
    pub trust: Option<Trust>,
    /// The newest certificate known.
    pub pinned: Option<Pinned>,
    /// A proof about one of the certificates.
    pub proof: Option<Proof>,
}

/// What is verified, under the name that people know it by.
#[derive(Debug)]
pub enum Evidence<L> {
    /// One certificate: its bytes.
    Certificate(String, Vec<u8>),
    /// A log of certificates.
    Log(String, L),
}

/// What came out.
#[derive(Debug)]
pub struct Verified {
    /// Whether a log of certificates was verified, not one alone.
    pub whole_log: bool,
    /// Every check.
    pub checks: Checks,
    /// The certificate, or the newest of the log.
    pub newest: Option<Certificate>,
    /// An entry for each certificate, for JSON.
    pub entries: Vec<Value>,
    /// What the proof has shown.
    pub proven: Option<Value>,
    /// Bytes that an unfinished append left at the end of the certificate log.
    pub torn_tail_bytes: u64,
}

/// Verifies.
///
/// # Errors
/// Only what keeps every check from being made: a snapshot that cannot be read.
pub async fn verify<P: Platform, L: Records>(
    request: Request<P::Source, L>,
    platform: &mut P,
) -> Result<Verified, Failure> {
    let Request { evidence, inputs: sources, snapshot, trust, pinned, proof } = request;
    let mut checks = Checks::default();
    let inputs = open(sources, platform, &mut checks).await;
    let judging = Judging::new(&inputs, snapshot.as_ref());
    let mut against = Against { trust: trust.as_ref(), platform, judging };
    let (proof, snapshot) = (proof.as_ref(), snapshot.as_ref());
    let mut verified = match &evidence {
        Evidence::Certificate(name, bytes) => {
            certificate(name, bytes, proof, pinned, &mut against, checks).await
        }
        Evidence::Log(name, log) => {
            let outcome = log::check(name, log, proof, pinned, snapshot, &mut against, &mut checks).await?;
            Verified {
                whole_log: true,
                checks,
                newest: outcome.newest,
                entries: outcome.entries,
                proven: outcome.proven,
                torn_tail_bytes: outcome.torn_tail_bytes,
            }
        }
    };
    if verified.newest.is_some() {
        let none = against.judging.none_used();
        for reason in against.judging.unused() {
            if none {
                // Whoever gives logs asks for a judgement, and this is none.
                let failure = Failure::new(HostCode::InputsUnused, format!("no log was judged; {reason}"));
                let hint = "Give the logs that the certificate names, or none: `omega explain` lists them.";
                verified.checks.missing("inputs", failure.hint(hint));
            } else {
                verified.checks.unchecked("inputs", reason);
            }
        }
    }
    verified.checks.advise(platform).await;
    Ok(verified)
}

/// Opens the logs; why one cannot be opened is a check that failed.
async fn open<P: Platform>(
    sources: Vec<Result<P::Source, Failure>>,
    platform: &P,
    checks: &mut Checks,
) -> Vec<Input<P::Source>> {
    let mut inputs = Vec::new();
    for source in sources {
        let name = source.as_ref().map_or_else(
            |failure| failure.file.clone().unwrap_or_default(),
            |source| source.name().into_owned(),
        );
        let opened = match source {
            Ok(source) => Input::open(source).await,
            Err(failure) => Err(failure),
        };
        match opened {
            Ok(input) => inputs.push(input),
            Err(failure) => {
                let start = platform.start(&name).await;
                let hint = start.and_then(|start| kind::json_for_log(&name, &start));
                checks.fail(
                    "inputs",
                    match hint {
                        Some(hint) => failure.hint(hint),
                        None => failure,
                    },
                );
            }
        }
    }
    inputs
}

async fn certificate<P: Platform>(
    name: &str,
    bytes: &[u8],
    proof: Option<&Proof>,
    pinned: Option<Pinned>,
    against: &mut Against<'_, P>,
    mut checks: Checks,
) -> Verified {
    let certificate = match Certificate::decode(bytes) {
        Ok(certificate) => certificate,
        Err(fault) => {
            checks.fail("format", Failure::from(fault).file(name));
            return Verified {
                whole_log: false,
                checks,
                newest: None,
                entries: Vec::new(),
                proven: None,
                torn_tail_bytes: 0,
            };
        }
    };
    checks.pass("format", "packed as the format demands; the id is the one that its bytes give");
    checks.pass("body", "the body has the body hash, and the fixed fields repeat it");
    let entry = alone::check(&certificate, None, true, against, &mut checks).await;
    checks.unchecked("chain", "one certificate alone: what came before it is checked with --cert-log");
    match pinned {
        None => checks.unchecked("freshness", NO_HEAD),
        Some(mut pinned) => pinned.conclude_alone(&certificate, &mut checks),
    }
    let proven = proof.and_then(|proof| proofs::check(proof, &certificate, &mut checks));
    let (newest, entries) = (Some(certificate), vec![entry]);
    Verified { whole_log: false, checks, newest, entries, proven, torn_tail_bytes: 0 }
}
