//! The chain's end: puts bodies into certificates, signs them, stores them.

use omega_kernel::certificate::{Binding, Certificate, Swap};
use omega_kernel::chain::ChainHead;
use omega_kernel::fault::FaultCode;
use omega_kernel::signature::{Engines, Statement};
use omega_verify::chain::Follower;

use super::steps::{Step, Steps};
use crate::certify;
use crate::disk::Disk;
use crate::failure::{Failure, HostCode};
use crate::sign::Signer;
use crate::store::{Records, Recovery, Store};

/// The chain of a node, open for appending.
pub struct Certifier<D> {
    /// None after a write that failed half way, until it was opened again.
    store: Option<Store<D>>,
    open_store: OpenStore<D>,
    head: ChainHead,
    signer: Signer,
    recovery: Recovery,
    /// What it does, for whoever holds runs against the specification.
    pub steps: Steps,
    stopped: bool,
}

/// Opens the store: at first, and after a write that failed half way.
pub type OpenStore<D> = Box<dyn Fn() -> Result<Store<D>, Failure> + Send>;

impl<D: Disk> Certifier<D> {
    /// Continues the chain in a store, from a head that was checked earlier, or starts it.
    ///
    /// `from` is where an earlier run stood: certificates up to there are not followed again. It counts
    /// only where the store holds that very certificate at that height.
    ///
    /// # Errors
    /// What [`ChainHead::advance`] finds; `key-not-in-policy`; `threshold-unmet` where the policy asks
    /// for more signatures than one.
    pub fn open(
        open_store: OpenStore<D>,
        signer: Signer,
        origin: &str,
        binding: Binding,
        from: Option<&ChainHead>,
    ) -> Result<Self, Failure> {
        let mut store = open_store()?;
        let head = match chain_head(&store, from)? {
            Some(head) => head,
            None => {
                let genesis = certify::genesis(origin, 1, std::slice::from_ref(&signer), binding)?;
                let head = ChainHead::start(&genesis)?;
                store.append_certificate(genesis.bytes())?;
                head
            }
        };
        if !head.policy.holds(&signer.public_key()) {
            let message = "the node's key is not in the chain's signing policy";
            return Err(Failure::new(HostCode::KeyNotInPolicy, message)
                .hint("Give the key that the chain was started with, or another data folder."));
        }
        if head.policy.threshold() > 1 {
            let message = format!(
                "the chain's policy asks for {} signatures, and a node signs with one key",
                head.policy.threshold()
            );
            return Err(Failure::from(omega_kernel::fault::Fault::new(FaultCode::ThresholdUnmet, message))
                .hint(
                    "Lower the threshold with `omega policy propose`, or sign batches with `omega certify`.",
                ));
        }
        let recovery = store.recovery().clone();
        Ok(Certifier {
            store: Some(store),
            open_store,
            head,
            signer,
            recovery,
            steps: Steps::default(),
            stopped: false,
        })
    }

    /// Where the chain stands.
    pub fn head(&self) -> &ChainHead {
        &self.head
    }

    /// The next verdict, signed as judged under these engines, not yet stored.
    ///
    /// # Errors
    /// What [`ChainHead::accepts`] finds.
    pub fn verdict(
        &self,
        batch_id: u64,
        replay_seed: u64,
        body: &[u8],
        engines: Engines,
    ) -> Result<Certificate, Failure> {
        let mut certificate = self.head.verdict(batch_id, replay_seed, body)?;
        let signature = self.signer.verdict(Statement::Judged, engines, &certificate.chain_hash());
        certificate.append_signature(signature)?;
        Ok(certificate)
    }

    /// The next swap, signed, not yet stored.
    ///
    /// # Errors
    /// What [`ChainHead::accepts`] finds.
    pub fn swap(&self, swap: &Swap) -> Result<Certificate, Failure> {
        let mut certificate = self.head.swap(swap)?;
        let signature = self.signer.certificate(Statement::Approved, &certificate.chain_hash());
        certificate.append_signature(signature)?;
        Ok(certificate)
    }

    /// Checks a certificate as any reader will, and stores it. On disk when this returns. May be called
    /// again with the same certificate after `write-failed`.
    ///
    /// # Errors
    /// What [`ChainHead::advance`] finds; `write-failed`.
    pub fn append(&mut self, certificate: &Certificate) -> Result<(), Failure> {
        let next = self.head.advance(certificate)?;
        let mut store = match self.store.take() {
            Some(store) => store,
            None => (self.open_store)()?,
        };
        // After a failed write nobody knows what is on disk: it may be there already.
        if store.tip() != Some((next.height, next.hash)) {
            store.append_certificate(certificate.bytes())?;
        }
        self.store = Some(store);
        self.head = next;
        self.steps.stored(certificate);
        Ok(())
    }

    /// Ends the signing. A write was given up, and nobody knows what of it is on disk: another certificate
    /// at its height, or a line of the journal behind its own, would contradict what may be there. The
    /// next start finds out.
    pub fn stop(&mut self) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.steps.note(|| Step::Abandon);
        }
    }

    /// Goes on all the same: for tests of what that does.
    #[cfg(test)]
    pub fn forget_that_it_stopped(&mut self) {
        self.stopped = false;
    }

    /// Whether anything may be signed.
    ///
    /// # Errors
    /// `write-failed` after [`Certifier::stop`].
    pub fn goes_on(&self) -> Result<(), Failure> {
        match self.stopped {
            false => Ok(()),
            true => Err(Failure::new(HostCode::WriteFailed, "an earlier verdict could not be written")
                .hint("Start the node again: that checks what is there and judges what waits.")),
        }
    }

    /// What opening the store had to put right.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// The public key that it signs with.
    pub fn public_key(&self) -> [u8; 32] {
        self.signer.public_key()
    }
}

/// Follows the stored chain from `from`, or from its genesis; none where there is none.
fn chain_head(records: &impl Records, from: Option<&ChainHead>) -> Result<Option<ChainHead>, Failure> {
    let follower = Follower::new(records);
    let mut follower = match from {
        Some(head) => follower.checked_to(head.clone()),
        None => follower,
    };
    while follower.advance().is_some() {}
    let followed = follower.end();
    match followed.stopped {
        // What an earlier run left is no authority: the chain itself is asked.
        Some(_) if from.is_some() => chain_head(records, None),
        Some(failure) => Err(failure.hint("Nothing is signed onto a chain that is not sound.")),
        None => Ok(followed.head),
    }
}
