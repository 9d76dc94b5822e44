//! Who signed, whether you trust them, and whether they were enough.

use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::chain::{self, Threshold};
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::policy::Policy;
use omega_kernel::signature::{Engines, Statement};
use serde_json::{Value, json};

use crate::checks::Checks;
use crate::failure::{Failure, HostCode};
use crate::hex;
use crate::trust::{Signed, Trust};

/// Checks signatures, threshold and trust. `policy` is the chain's, where the chain was followed.
/// Gives the signers for the report.
pub fn check(
    certificate: &Certificate,
    policy: Option<&Policy>,
    trust: Option<&Trust>,
    checks: &mut Checks,
) -> Vec<Value> {
    if let Err(fault) = chain::verify_signatures(certificate) {
        checks.fail("signatures", fault);
        return Vec::new();
    }
    checks.pass("signatures", said(certificate));
    let guessed = policy.cloned().or_else(|| trust.and_then(|trust| named_policy(certificate, trust)));
    let policy = match certificate.content() {
        Content::Genesis(genesis) => Some(&genesis.policy),
        _ => guessed.as_ref(),
    };
    match chain::threshold(certificate, policy) {
        Err(fault) => checks.fail("threshold", fault),
        Ok(Threshold::Met { signed, needed }) => {
            checks.pass("threshold", format!("{signed} of {needed} needed keys have signed"));
        }
        Ok(Threshold::Unmet { signed, needed }) => {
            let message = format!("{signed} of {needed} needed keys have signed");
            let failure = Failure::from(Fault::new(FaultCode::ThresholdUnmet, message));
            checks.fail("threshold", failure.hint("Wait for the other signatures, or ask for them."));
        }
        Ok(Threshold::Unchecked) => checks.unchecked(
            "threshold",
            "the chain's signing policy is not at hand; with --cert-log it is read from the chain",
        ),
    }
    trusted(certificate, policy, trust, checks);
    let counts = |record: &omega_kernel::signature::SignatureRecord| {
        trust.map(|trust| {
            record.statement != Statement::Witnessed
                && trust.counts(&certificate.chain_id(), &signed(record, policy))
        })
    };
    let record_json = |record: &omega_kernel::signature::SignatureRecord| {
        json!({
            "key": hex::encode(&record.key),
            "statement": record.statement.name(),
            "engines": record.engines.names().collect::<Vec<_>>(),
            "trusted": counts(record),
        })
    };
    certificate.signatures().iter().map(record_json).collect()
}

fn trusted(certificate: &Certificate, policy: Option<&Policy>, trust: Option<&Trust>, checks: &mut Checks) {
    let Some(trust) = trust else {
        let message = "nobody said whom to trust, so a valid signature proves only that somebody signed";
        checks.missing(
            "trust",
            Failure::new(HostCode::SignerUntrusted, message).hint(
                "Name a key you know from elsewhere with --trust, a trust policy with --policy, or \
                 accept whoever signed with --any-signer.",
            ),
        );
        return;
    };
    let records: Vec<Signed> = certificate
        .signatures()
        .iter()
        .filter(|record| record.statement != Statement::Witnessed)
        .map(|record| signed(record, policy))
        .collect();
    match trust.counted(&certificate.chain_id(), &records) {
        Err(failure) => checks.fail("trust", failure),
        Ok(_) if trust.any_signer => {
            checks.pass("trust", "whoever signed is accepted (--any-signer): this proves no identity");
        }
        Ok(keys) => {
            let keys: Vec<_> = keys.iter().map(|key| hex::encode(&key[..8])).collect();
            checks.pass("trust", format!("signed by {}…, whom you trust", keys.join("…, ")));
        }
    }
}

fn signed(record: &omega_kernel::signature::SignatureRecord, policy: Option<&Policy>) -> Signed {
    Signed {
        key: record.key,
        judged: record.statement != Statement::Vouched,
        in_policy: policy.is_some_and(|policy| policy.holds(&record.key)),
    }
}

/// The signing policy over the trusted keys, if one of its thresholds has the certificate's hash.
fn named_policy(certificate: &Certificate, trust: &Trust) -> Option<Policy> {
    let keys: Vec<_> = trust.signers.iter().copied().collect();
    let most = u16::try_from(keys.len()).ok()?;
    let wanted = certificate.fields().policy_hash;
    (1..=most).filter_map(|threshold| Policy::new(threshold, keys.clone()).ok()).find(|p| p.hash() == wanted)
}

fn said(certificate: &Certificate) -> String {
    let count = |statement: Statement| {
        certificate.signatures().iter().filter(|record| record.statement == statement).count()
    };
    let parts: Vec<_> = [Statement::Judged, Statement::Vouched, Statement::Approved, Statement::Witnessed]
        .into_iter()
        .map(|statement| (count(statement), statement.name()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    let engines = certificate.signatures().iter().fold(Engines::UNSTATED, |all, one| all.and(one.engines));
    let engines: Vec<_> = engines.names().collect();
    match (parts.as_slice(), engines.as_slice()) {
        ([], _) => "there is none: nobody has signed this".to_owned(),
        (parts, []) => format!("valid: {}", parts.join(", ")),
        (parts, engines) => {
            format!("valid: {}; stated as judged under {}", parts.join(", "), engines.join(", "))
        }
    }
}
