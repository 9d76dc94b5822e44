//! What was judged again, held against what is certified.

use omega_kernel::body::{Body, Core, Observations, observations_agree};
use omega_kernel::certificate::Certificate;
use omega_kernel::fault::{Fault, FaultCode};

use crate::difference;
use crate::failure::{Failure, HostCode};
use crate::placing::{self, Placed};
use crate::platform::{Judged, Source};
use crate::report::plural;

/// A verdict's body, as a kernel gave it.
///
/// # Errors
/// `kernel-output-invalid` where it is none.
pub fn read_body(body: &[u8]) -> Result<(Core, Observations), Failure> {
    Body::split(body).and_then(|body| body.decode()).map_err(|fault| {
        Failure::new(HostCode::KernelOutput, format!("the kernel's body breaks a rule: {fault}"))
    })
}

/// Whether the logs that came as streams, which could not be counted before, hold what was judged then.
pub fn streamed<S: Source>(core: &Core, placed: &[Placed<'_, S>], judged: &Judged) -> Result<(), Failure> {
    for ((entry, place), log) in core.logs.iter().zip(placed).zip(&judged.logs) {
        if !place.input.source.rereadable() && log.events > entry.count {
            return Err(placing::grown(entry, place.input));
        }
        if !place.input.source.rereadable() && log.events < entry.count {
            return Err(placing::short(entry, place.input, log.events));
        }
    }
    Ok(())
}

/// Holds what was judged against what is certified: the core to the bit, the observations by rule.
pub fn agrees(
    certificate: &Certificate,
    core: &Core,
    observations: &Observations,
    judged: &[u8],
) -> Result<(), Fault> {
    let (then, now) = (Body::split(certificate.body_bytes())?, Body::split(judged)?);
    let (core_now, observations_now) = now.decode()?;
    if then.core != now.core {
        let what =
            difference::first(core, &core_now).unwrap_or_else(|| "the verdict's bytes differ".to_owned());
        return Err(Fault::new(FaultCode::VerdictDiffers, what));
    }
    observations_agree(observations, &observations_now)
}

/// The failure of logs that are judged otherwise.
pub fn differs(fault: Fault) -> Failure {
    let message = format!("judged again, the logs do not give the certified verdict: {}", fault.message);
    Failure { message, ..fault.into() }.hint(
        "Either these are not the logs that were judged, or the certificate does not state what its \
         kernel finds in them.",
    )
}

/// What was judged again, in words.
pub fn summary<S: Source>(core: &Core, now: &Observations, erased: u64, placed: &[Placed<'_, S>]) -> String {
    let (events, logs) = (plural(core.occurrences(), "event"), plural(core.logs.len(), "log"));
    let mut detail = format!("judged again: {events} in {logs}, same verdict to the bit");
    if erased > 0 {
        let payloads = plural(erased, "payload");
        detail += &format!("; {payloads} erased since, not to be checked against the hashes any more");
    } else if now.payload.skipped > 0 {
        detail += &format!("; {} erased, not to be checked", plural(now.payload.skipped, "payload"));
    }
    for place in placed.iter().filter(|place| place.grown()) {
        let (name, newer) = (&place.input.name, plural(place.newer(), "newer event"));
        detail += &format!("; {name:?} has {newer}, not covered by the certificate");
        if let Some(fault) = place.input.ends() {
            detail += &format!(" ({})", fault.message);
        }
    }
    detail
}
