//! One certificate, as far as it can be checked without its chain.

use omega_kernel::body::{Core, Observations};
use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::policy::Policy;
use serde_json::{Value, json};

use crate::checks::Checks;
use crate::conflict::View;
use crate::explain::certs;
use crate::failure::{Failure, HostCode};
use crate::judging::Judging;
use crate::platform::Platform;
use crate::trust::Trust;
use crate::{heads, kernels, signers};

/// What certificates are checked against.
pub struct Against<'a, P: Platform> {
    /// Whom to trust; none where nobody said.
    pub trust: Option<&'a Trust>,
    /// The kernels at hand.
    pub platform: &'a mut P,
    /// The logs at hand.
    pub judging: Judging<'a, P>,
}

/// Checks signatures and trust, then what the certificate says. `policy` is the chain's, where the
/// chain was followed; `judge` is false where judging again starts later. Gives the certificate's
/// entry in the report.
pub async fn check<P: Platform>(
    certificate: &Certificate,
    policy: Option<&Policy>,
    judge: bool,
    against: &mut Against<'_, P>,
    checks: &mut Checks,
) -> Value {
    let signers = signers::check(certificate, policy, against.trust, checks);
    let mut entry = entry(certificate);
    entry["signers"] = signers.into();
    let Content::Verdict { core, observations } = certificate.content() else { return entry };
    let accepted = kernel(certificate, against, checks).await;
    let schema_hash = certificate.fields().binding.schema_hash;
    let writers = against.trust.map(|trust| trust.writers.clone()).unwrap_or_default();
    let (signed, authors) = heads::check(core, observations, &schema_hash, &writers, checks);
    entry["heads"] = signed.into();
    if core.evidence.is_some() {
        if accepted {
            evidence(certificate, against, checks).await;
        }
        // Shown as the certificate states it; whether it holds is the check above.
        entry["conflict"] = conflict(core, observations);
        entry["conflicting_writers"] = authors.into();
    }
    match (judge, accepted) {
        (true, true) => {
            against.judging.batch(certificate, core, observations, against.platform, checks).await;
        }
        (true, false) => against.judging.skip(certificate, core),
        (false, _) => {}
    }
    entry
}

/// What a certificate states of itself, its coverage and its conflict included, and nothing checked but
/// that.
pub fn stated(certificate: &Certificate) -> Value {
    let mut entry = entry(certificate);
    let statements = certificate.signatures().iter();
    let signed = statements.map(|record| {
        json!({
            "key": crate::hex::encode(&record.key),
            "statement": record.statement.name(),
            "engines": record.engines.names().collect::<Vec<_>>(),
        })
    });
    entry["signers"] = signed.collect();
    if let Content::Verdict { core, observations } = certificate.content() {
        entry["coverage"] = certs::coverage(core, observations).into();
        if core.evidence.is_some() {
            entry["conflict"] = conflict(core, observations);
        }
    }
    entry
}

fn entry(certificate: &Certificate) -> Value {
    let hex = |bytes: &[u8]| crate::hex::encode(bytes);
    let fields = certificate.fields();
    json!({
        "cert_type": certificate.kind().name(),
        "cert_id": format!("{:032x}", certificate.id()),
        "height": fields.height.to_string(),
        "batch_id": fields.batch_id.to_string(),
        "chain_id": hex(&certificate.chain_id()),
        "chain_hash": hex(&certificate.chain_hash()),
        "kernel_hash": hex(&fields.binding.kernel_hash),
        "verdict": crate::verdict_name(certificate),
    })
}

/// The conflict that the evidence shows; null where it shows none.
fn conflict(core: &Core, observations: &Observations) -> Value {
    View::of(core, observations).map_or(Value::Null, |view| json!(view))
}

/// Whether the kernel may be believed: it is at hand, or the trust policy lists it.
async fn kernel<P: Platform>(
    certificate: &Certificate,
    against: &mut Against<'_, P>,
    checks: &mut Checks,
) -> bool {
    let binding = &certificate.fields().binding;
    let listed = against.trust.is_some_and(|trust| !trust.kernels.is_empty());
    let short = crate::hex::encode(&binding.kernel_hash[..8]);
    if against.trust.is_some_and(|trust| !trust.accepts_kernel(&binding.kernel_hash)) {
        let message =
            format!("the kernel {short}… that judged is not among those that the trust policy accepts");
        let failure = Failure::new(HostCode::KernelUnknown, message);
        checks.fail("kernel", failure.hint("Add its hash to `kernels` if you know what it is."));
        return false;
    }
    let bound = match against.platform.holds(&binding.kernel_hash) {
        true => Some(kernels::bound(against.platform, binding).await),
        false => None,
    };
    match bound {
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
            checks.missing("kernel", kernels::unknown(&binding.kernel_hash));
            return false;
        }
    }
    true
}

/// Has the named component judge an obstruction's evidence again, alone.
async fn evidence<P: Platform>(certificate: &Certificate, against: &mut Against<'_, P>, checks: &mut Checks) {
    let kernel = match kernels::bound(against.platform, &certificate.fields().binding).await {
        Ok(kernel) => kernel,
        Err(failure) => return checks.missing("evidence", failure),
    };
    match against.platform.rejudge(&kernel, certificate.bytes()).await {
        Ok(()) => checks.pass(
            "evidence",
            "the kernel judged it again, with no log at hand: logs with these roots conflict",
        ),
        Err(failure) => checks.fail("evidence", failure),
    }
}
