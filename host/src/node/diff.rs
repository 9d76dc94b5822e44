//! What another kernel would have said: the archive of a node, judged again by it, verdict by verdict.

use std::collections::BTreeSet;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use omega_kernel::body::{Core, VerdictKind};
use omega_kernel::certificate::{Content, Swap, SwapSide, VerdictDiff};
use omega_kernel::hash::{self, Hash};
use serde::Serialize;

use super::archive;
use super::checker::Checker;
use super::coordinator::Known;
use super::recover::{CertificateAt, FindKernel};
use crate::disk::Volume;
use crate::engine::Kernel;
use crate::failure::{Failure, HostCode};
use crate::verify::first_difference;

/// A verdict that would be another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Difference {
    /// Height of the verdict's certificate.
    pub height: String,
    /// What it says: `merge` or `obstruction`.
    pub old_verdict: String,
    /// What the other kernel says.
    pub new_verdict: String,
    /// The first thing that differs: the verdict, a root, a coverage, the evidence.
    pub what: String,
    /// Hash of the core that the other kernel gives, as a swap certificate lists it.
    pub new_core_hash: String,
    #[serde(skip)]
    #[schema(ignore)]
    entry: VerdictDiff,
}

impl Difference {
    /// Height of the verdict's certificate.
    pub fn height(&self) -> u64 {
        self.entry.height
    }
}

/// Another kernel on its way through the archive.
pub struct Candidate {
    checker: Checker,
    kernel: (Kernel, Option<Kernel>),
    /// The kernels that the certificates name, once the candidate left their states.
    reference: Option<Checker>,
    /// Height up to which verdicts were judged again.
    pub at: u64,
    /// What they came to.
    pub account: Account,
}

/// Verdicts of another kernel beside those that were certified.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Verdicts that it judged again.
    pub replayed: u64,
    /// Those that would be others, by height.
    pub differences: Vec<Difference>,
}

impl Candidate {
    /// Stands before the first verdict.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn new(kernel: Kernel, component: Option<Kernel>) -> Result<Self, Failure> {
        let checker = Checker::open(kernel.clone(), component.clone(), None)?;
        let kernel = (kernel, component);
        Ok(Candidate { checker, kernel, reference: None, at: 0, account: Account::default() })
    }

    /// Judges again what stands above [`Candidate::at`], up to `to`; `goes_on` may end it.
    ///
    /// # Errors
    /// Where the candidate cannot judge what was judged: it traps, takes too long, refuses a log; and
    /// those of reading the archive.
    pub fn catch_up<V: Volume>(
        &mut self,
        known: &Known<V>,
        certificate_at: &CertificateAt,
        find: &FindKernel,
        to: u64,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), Failure> {
        for height in archive::heights_from(known, self.at + 1).into_iter().take_while(|&height| height <= to)
        {
            if !goes_on() {
                return Err(Failure::new(HostCode::Interrupted, "the node is ending"));
            }
            let certificate = certificate_at(height)?;
            let Some((certificate, (_, batch))) = certificate.zip(archive::batch_at(known, height)?) else {
                let message = format!("there is nothing at height {height}, and the journal names it");
                return Err(Failure::new(HostCode::StoreDamaged, message));
            };
            let Content::Verdict { core, .. } = certificate.content() else { continue };
            let batch = Arc::new(batch);
            let judgement = self.checker.judge(&batch, 0)?;
            self.account.compare(height, core, &judgement.core);
            let named = certificate.fields().binding.kernel_hash;
            if let Some(reference) = &mut self.reference {
                if *reference.kernel().hash() != named {
                    let (kernel, component) = find(Some(&named))?;
                    *reference = reference.continued_by(kernel, component)?;
                }
                reference.judge(&batch, 0)?;
            }
            if self.checker.state()? != core.next {
                self.go_back(known, certificate_at, find, height, core)?;
            }
            self.at = height;
        }
        self.at = self.at.max(to);
        Ok(())
    }

    /// Past verdicts stand: after one that differs the candidate goes on from the state that the chain
    /// left, which the kernels that the chain names make.
    fn go_back<V: Volume>(
        &mut self,
        known: &Known<V>,
        certificate_at: &CertificateAt,
        find: &FindKernel,
        height: u64,
        core: &Core,
    ) -> Result<(), Failure> {
        let mut reference = match self.reference.take() {
            Some(reference) => reference,
            None => super::recover::checker_after(known, certificate_at, height, find)?,
        };
        if reference.state()? != core.next {
            let message = format!("judged again, the batches up to height {height} do not lead to its state");
            return Err(Failure::new(HostCode::StoreDamaged, message));
        }
        let (kernel, component) = self.kernel.clone();
        self.checker = reference.continued_by(kernel, component)?;
        self.reference = Some(reference);
        Ok(())
    }

    /// The checker, at the state where the candidate stands.
    pub fn into_checker(self) -> Checker {
        self.checker
    }
}

impl Account {
    /// Notes its verdict beside the one that was certified.
    pub fn compare(&mut self, height: u64, core: &Core, other: &Core) {
        self.replayed += 1;
        let Some(what) = first_difference(core, other) else { return };
        let name = |verdict| match verdict {
            VerdictKind::Merge => "merge",
            VerdictKind::Obstruction => "obstruction",
        };
        let new_core_hash = core_hash(other);
        self.differences.push(Difference {
            new_core_hash: HEXLOWER.encode(&new_core_hash),
            height: height.to_string(),
            old_verdict: name(core.verdict).to_owned(),
            new_verdict: name(other.verdict).to_owned(),
            what,
            entry: VerdictDiff {
                height,
                old_verdict: core.verdict,
                new_verdict: other.verdict,
                old_core_hash: core_hash(core),
                new_core_hash,
            },
        });
    }

    /// Heights of verdicts that would be others, and that nobody has accepted.
    pub fn not_accepted(&self, accepted: &BTreeSet<u64>) -> Vec<u64> {
        let heights = self.differences.iter().map(Difference::height);
        heights.filter(|height| !accepted.contains(height)).collect()
    }

    /// As a swap certificate has it.
    pub fn swap(&self, old: SwapSide, new: SwapSide) -> Swap {
        let diffs = self.differences.iter().map(|difference| difference.entry).collect();
        Swap { old, new, replayed: self.replayed, diffs }
    }
}

/// Hash of a core, as a swap certificate lists it.
fn core_hash(core: &Core) -> Hash {
    hash::CORE.hash(&core.encode())
}
