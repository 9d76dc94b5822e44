//! Judging the past again: a stretch of batches, from a snapshot or from genesis, under other schedules
//! than the one that was signed. The same bodies must come out.

use std::sync::Arc;

use omega_kernel::certificate::Content;
use omega_kernel::hash::Hash;

use super::archive;
use super::checker::Checker;
use super::coordinator::Known;
use super::recover::{CertificateAt, FindKernel};
use super::snapshots::{self, Kept};
use crate::disk::Volume;
use crate::failure::{Failure, HostCode};

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
    /// The first that came out differently: its height, and what differs.
    pub mismatch: Option<(u64, String)>,
}

/// Judges a stretch again.
///
/// # Errors
/// Where it could not be judged: that is no mismatch.
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
        let certificate = certificate_at(height)?;
        let Some((certificate, (_, batch))) = certificate.zip(archive::batch_at(known, height)?) else {
            let message = format!("there is nothing at height {height}, and the journal names it");
            return Err(Failure::new(HostCode::StoreDamaged, message));
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
            audited.mismatch = Some((height, "the state that it starts from".to_owned()));
            return Ok(audited);
        }
        let events = batch.events;
        let judgement = at_work.judge(&Arc::new(batch), stretch.seed.wrapping_add(height))?;
        audited.batches += 1;
        audited.events += events;
        if judgement.verdict.body != certificate.body_bytes() {
            let what = crate::verify::first_difference(core, &judgement.core);
            audited.mismatch = Some((height, what.unwrap_or_else(|| "what was observed".to_owned())));
            return Ok(audited);
        }
        checker = Some((wanted, at_work));
    }
    Ok(audited)
}
