//! One certificate, as far as it can be checked without its chain.

use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::policy::Policy;
use serde_json::{Value, json};

use super::checks::Checks;
use super::judging::Judging;
use super::kernels::Kernels;
use super::{heads, signers};
use crate::conflict::View;
use crate::failure::{Failure, HostCode};
use crate::trust::Trust;

/// What certificates are checked against.
pub struct Against<'a> {
    /// Whom to trust; none where nobody said.
    pub trust: Option<&'a Trust>,
    /// The kernels at hand.
    pub kernels: Kernels,
    /// The logs at hand.
    pub judging: Judging<'a>,
}

/// Checks signatures and trust, then what the certificate says. `policy` is the chain's, where the
/// chain was followed; `judge` is false where judging again starts later. Gives the certificate's
/// entry in the report.
pub fn check(
    certificate: &Certificate,
    policy: Option<&Policy>,
    judge: bool,
    against: &mut Against<'_>,
    checks: &mut Checks,
) -> Value {
    let signers = signers::check(certificate, policy, against.trust, checks);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let fields = certificate.fields();
    let mut entry = json!({
        "cert_type": certificate.kind().name(),
        "cert_id": format!("{:032x}", certificate.id()),
        "height": fields.height.to_string(),
        "batch_id": fields.batch_id.to_string(),
        "chain_id": hex(&certificate.chain_id()),
        "chain_hash": hex(&certificate.chain_hash()),
        "kernel_hash": hex(&fields.binding.kernel_hash),
        "verdict": super::verdict_name(certificate),
        "signers": signers,
    });
    let Content::Verdict { core, observations } = certificate.content() else { return entry };
    let accepted = kernel(certificate, against, checks);
    let writers = against.trust.map(|trust| trust.writers.clone()).unwrap_or_default();
    let (signed, authors) = heads::check(core, observations, &fields.binding.schema_hash, &writers, checks);
    entry["heads"] = signed.into();
    if core.evidence.is_some() {
        if accepted {
            evidence(certificate, against, checks);
        }
        // Shown as the certificate states it; whether it holds is the check above.
        entry["conflict"] = View::of(core, observations).map_or(Value::Null, |view| json!(view));
        entry["conflicting_writers"] = authors.into();
    }
    match (judge, accepted) {
        (true, true) => {
            against.judging.batch(certificate, core, observations, &mut against.kernels, checks);
        }
        (true, false) => against.judging.skip(certificate, core),
        (false, _) => {}
    }
    entry
}

/// Whether the kernel may be believed: it is at hand, or the trust policy lists it.
fn kernel(certificate: &Certificate, against: &mut Against<'_>, checks: &mut Checks) -> bool {
    let binding = &certificate.fields().binding;
    let listed = against.trust.is_some_and(|trust| !trust.kernels.is_empty());
    let short = data_encoding::HEXLOWER.encode(&binding.kernel_hash[..8]);
    if against.trust.is_some_and(|trust| !trust.accepts_kernel(&binding.kernel_hash)) {
        let message =
            format!("the kernel {short}… that judged is not among those that the trust policy accepts");
        let failure = Failure::new(HostCode::KernelUnknown, message);
        checks.fail("kernel", failure.hint("Add its hash to `kernels` if you know what it is."));
        return false;
    }
    match against.kernels.holds(&binding.kernel_hash).then(|| against.kernels.bound(binding)) {
        Some(Ok(_)) if listed => {
            checks.pass("kernel", format!("{short}… is at hand, and your policy accepts it"))
        }
        Some(Ok(_)) => checks.pass("kernel", format!("{short}… is at hand")),
        Some(Err(failure)) => {
            checks.fail("kernel", failure);
            return false;
        }
        None if listed => {
            checks.pass("kernel", format!("{short}… is not at hand, but your policy accepts it"));
        }
        None => {
            if let Err(failure) = against.kernels.bound(binding) {
                checks.missing("kernel", failure);
            }
            return false;
        }
    }
    true
}

/// Has the named component judge an obstruction's evidence again, alone.
fn evidence(certificate: &Certificate, against: &mut Against<'_>, checks: &mut Checks) {
    let kernel = match against.kernels.bound(&certificate.fields().binding) {
        Ok(kernel) => kernel,
        Err(failure) => return checks.missing("evidence", failure),
    };
    match kernel.rejudge(certificate.bytes()) {
        Ok(()) => checks.pass(
            "evidence",
            "the kernel judged it again, with no log at hand: logs with these roots conflict",
        ),
        Err(failure) => checks.fail("evidence", failure),
    }
}
