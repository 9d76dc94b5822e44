//! The newest certificate you know of: what is shown must not be older, and must not contradict it.

use omega_kernel::certificate::Certificate;
use omega_kernel::chain;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;

use crate::checks::Checks;
use crate::failure::{Failure, HostCode};
use crate::hex;

/// A certificate that is known from elsewhere, and what was met of it.
#[derive(Debug)]
pub struct Pinned {
    hash: Hash,
    certificate: Option<Certificate>,
    met_at: Option<u64>,
    contradiction: Option<Fault>,
}

impl Pinned {
    /// By its chain hash: 64 hex digits; none where it is something else.
    pub fn hash(text: &str) -> Option<Self> {
        let hash = hex::bytes32(text)?;
        Some(Pinned { hash, certificate: None, met_at: None, contradiction: None })
    }

    /// By itself.
    pub fn certificate(certificate: Certificate) -> Self {
        let hash = certificate.chain_hash();
        Pinned { hash, certificate: Some(certificate), met_at: None, contradiction: None }
    }

    /// Meets one certificate of a chain that was followed up to it.
    pub fn meet(&mut self, certificate: &Certificate) {
        if certificate.chain_hash() == self.hash {
            self.met_at = Some(certificate.fields().height);
        } else if let Some(known) = &self.certificate
            && let Ok(Some(proved)) = chain::equivocation(known, certificate)
        {
            let keys: Vec<_> = proved.contradicting.iter().map(|key| hex::encode(key)).collect();
            let who = match keys.as_slice() {
                [] => "different keys signed the two".to_owned(),
                keys => format!("both are signed by {}", keys.join(", ")),
            };
            let height = proved.height;
            let message =
                format!("at height {height} stands another certificate than the one you know: {who}");
            self.contradiction.get_or_insert(Fault::new(FaultCode::Equivocation, message));
        }
    }

    /// Whether it was met.
    pub fn met(&self) -> bool {
        self.met_at.is_some()
    }

    /// Says whether a chain up to `height` holds the certificate.
    pub fn conclude_log(&self, height: u64, checks: &mut Checks) {
        if let Some(fault) = &self.contradiction {
            return checks.fail("freshness", fault.clone());
        }
        match self.met_at {
            Some(at) => checks.pass(
                "freshness",
                format!(
                    "the newest certificate you know stands at height {at}, and {} follow it",
                    height - at
                ),
            ),
            None => checks
                .fail("freshness", behind("the chain does not hold the newest certificate that you know")),
        }
    }

    /// Says whether one certificate is at least as new.
    pub fn conclude_alone(&mut self, certificate: &Certificate, checks: &mut Checks) {
        self.meet(certificate);
        let height = certificate.fields().height;
        if let Some(fault) = &self.contradiction {
            return checks.fail("freshness", fault.clone());
        }
        if self.met_at.is_some() {
            return checks.pass("freshness", "it is the newest certificate that you know");
        }
        if certificate.fields().prev_cert_hash == self.hash {
            return checks.pass("freshness", "it directly follows the newest certificate that you know");
        }
        let older = self.certificate.as_ref().filter(|known| height < known.fields().height);
        match (&self.certificate, older) {
            (Some(known), _) if known.chain_id() != certificate.chain_id() => {
                let message = "it belongs to another chain than the newest certificate that you know";
                checks.fail("freshness", Fault::new(FaultCode::ChainBroken, message));
            }
            (_, Some(_)) => {
                checks.fail("freshness", behind("it is older than the newest certificate that you know"))
            }
            _ => {
                let message =
                    "one certificate does not show whether its chain holds the newest that you know";
                let failure = Failure::new(HostCode::CertificateMissing, message);
                checks.missing("freshness", failure.hint("Give the chain with --cert-log."));
            }
        }
    }
}

fn behind(message: &str) -> Failure {
    Failure::from(Fault::new(FaultCode::ChainBroken, message)).hint(
        "You are shown an older copy, or another branch. Ask for the whole chain, and keep what you were given.",
    )
}
