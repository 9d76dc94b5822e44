//! Judging the past again: a stretch of batches, from a snapshot or from genesis, under other schedules
//! than the one that was signed. The same bodies must come out.

use std::sync::Arc;

use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::hash::Hash;

use super::archive;
use super::batch::Batch;
use super::checker::Checker;
use super::coordinator::Known;
use super::recover::{CertificateAt, FindKernel};
use super::snapshots::{self, Kept};
use crate::disk::Volume;
use crate::failure::{Code, Failure, HostCode};

/// What to judge again.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// Where it begins; none begins at genesis.
    pub from: Option<Kept>,
    /// Height of the last verdict of it.
    pub to: u64,
    /// Events after which it ends all the same.
    pub most_events: u64,
    /// Batches after which it does.
    pub most_batches: u64,
    /// Where schedules come from.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Audited {
    /// Batches that were judged again.
    pub batches: u64,
    /// Events in them.
    pub events: u64,
    /// The first that did not come out again: its height, and what became of it.
    pub mismatch: Option<(u64, String)>,
}

/// Judges a stretch again. What was judged once and is now damaged, missing or refused by the kernel
/// that took it is a mismatch, too.
///
/// # Errors
/// Where it could not be judged for another reason: this machine's, or a snapshot's, which proves nothing.
pub fn audit<V: Volume>(
    known: &Known<V>,
    certificate_at: &CertificateAt,
    find: &FindKernel,
    stretch: &Stretch,
    goes_on: &dyn Fn() -> bool,
) -> Result<Audited, Failure> {
    let mut audited = Audited::default();
    let begins = stretch.from.as_ref().map_or(0, |kept| kept.height);
    let mut checker: Option<(Hash, Checker)> = None;
    for height in archive::heights_from(known, begins + 1).into_iter().take_while(|&at| at <= stretch.to) {
        if !goes_on() || audited.events >= stretch.most_events || audited.batches >= stretch.most_batches {
            break;
        }
        let (certificate, batch) = match past(known, certificate_at, height) {
            Ok(past) => past,
            Err(failure) => return audited.broken(height, failure),
        };
        let Content::Verdict { core, .. } = certificate.content() else { continue };
        let wanted = certificate.fields().binding.kernel_hash;
        let mut at_work = match checker.take() {
            Some((hash, checker)) if hash == wanted => checker,
            Some((_, mut before)) => {
                let (kernel, component) = find(Some(&wanted))?;
                before.continued_by(kernel, component)?
            }
            None => {
                let (kernel, component) = find(Some(&wanted))?;
                let snapshot = stretch.from.as_ref().map(snapshots::source).transpose()?;
                Checker::open(kernel, component, snapshot.as_ref())?
            }
        };
        if at_work.state()? != core.prior {
            audited.mismatch = Some((height, "differs: the state that it starts from".to_owned()));
            return Ok(audited);
        }
        let events = batch.events;
        let judgement = match at_work.judge(&Arc::new(batch), stretch.seed.wrapping_add(height)) {
            Ok(judgement) => judgement,
            Err(failure) => return audited.broken(height, failure),
        };
        audited.batches += 1;
        audited.events += events;
        if judgement.verdict.body != certificate.body_bytes() {
            let what = crate::verify::first_difference(core, &judgement.core);
            let what = what.unwrap_or_else(|| "what was observed".to_owned());
            audited.mismatch = Some((height, format!("differs: {what}")));
            return Ok(audited);
        }
        checker = Some((wanted, at_work));
    }
    Ok(audited)
}

impl Audited {
    /// Ends at a batch that could not be judged: a mismatch where it says something of the past.
    fn broken(mut self, height: u64, failure: Failure) -> Result<Self, Failure> {
        let of_the_past = match failure.code {
            Code::Kernel(_) => true,
            Code::Host(code) => matches!(code, HostCode::StoreDamaged | HostCode::NotFound),
            Code::Usage | Code::Internal => false,
        };
        if !of_the_past {
            return Err(failure);
        }
        let (code, message) = (failure.code.name(), failure.message);
        self.mismatch = Some((height, format!("cannot be judged any more: {code}: {message}")));
        Ok(self)
    }
}

fn past<V: Volume>(
    known: &Known<V>,
    certificate_at: &CertificateAt,
    height: u64,
) -> Result<(Certificate, Batch), Failure> {
    let (certificate, batch) = (certificate_at(height)?, archive::batch_at(known, height)?);
    certificate.zip(batch).map(|(certificate, (_, batch))| (certificate, batch)).ok_or_else(|| {
        let message = format!("there is nothing at height {height}, and the journal names it");
        Failure::new(HostCode::StoreDamaged, message)
    })
}
