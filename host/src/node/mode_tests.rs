//! A native build that is wrong, beside the component that certificates name: what it says is never
//! certified, under `native` and under `dual`.

use std::sync::Arc;

use super::checker::Checker;
use super::coordinator::{End, Settled};
use super::crash_tests::{Judging, certificates_of, open_store, submission};
use super::recover::{Start, Started, start};
use super::sim::SimVolume;
use super::steps::Steps;
use crate::engine::testing::{another_component, command};
use crate::engine::{Engines, Kernel, Mode, Options};
use crate::failure::Failure;
use crate::sign::Signer;

fn options(mode: Mode) -> Options {
    Options { mode, compiler: Some(command()), ..Options::default() }
}

fn begin(disk: &SimVolume, kernel: &Kernel, component: Option<&Kernel>) -> Started<SimVolume> {
    let (for_store, pair) = (disk.clone(), (kernel.clone(), component.cloned()));
    start(Start {
        root: disk.clone(),
        segments: disk.folder("segments/"),
        open_store: Box::new(move || open_store(&for_store)),
        certificate_at: certificates_of(disk.clone()),
        snapshots: None,
        signer: Signer::from_seed([7; 32]),
        origin: "a test".to_owned(),
        kernel: Arc::new(move |_| Ok(pair.clone())),
        steps: Steps::default(),
    })
    .unwrap()
}

/// Judges one batch; how it ended, and for each certificate that came of it the engines that it states.
fn judged(kernel: &Kernel, component: Option<&Kernel>) -> (End, Vec<Engines>) {
    let disk = SimVolume::new();
    let mut node = begin(&disk, kernel, component);
    let taken = node.intake.submit(vec![submission("alice", &[(1, 1, "a"), (2, 2, "b")])]);
    assert!(taken[0].is_ok());
    let mut certificates = Vec::new();
    let mut each = |settled: Settled| {
        certificates.extend(settled.certificate.signatures().iter().map(|record| record.engines));
    };
    let mut stalled = |_: &Failure| false;
    let batch = node.intake.take();
    let mut judging = Judging(&mut node.checker);
    let end = node.coordinator.settle(batch, &mut judging, &mut stalled, &mut each).unwrap();
    (end, certificates)
}

#[test]
fn builds_that_agree_are_certified_in_every_mode() {
    for mode in [Mode::Wasm, Mode::Native, Mode::Dual] {
        let kernel = Kernel::embedded(&Options { mode, ..Options::default() }).unwrap();
        let (end, certificates) = judged(&kernel, None);
        assert!(matches!(end, End::Settled) && certificates.len() == 1, "{mode:?}: {end:?}");
    }
}

#[test]
fn what_agreed_is_stated_in_the_signature() {
    let embedded = |mode| Kernel::embedded(&Options { mode, ..Options::default() }).unwrap();
    let both = Engines::NATIVE.and(Engines::CRANELIFT);
    let component = embedded(Mode::Wasm);
    for (mode, component, stated) in [
        (Mode::Wasm, None, Engines::UNSTATED),
        (Mode::Dual, None, both),
        (Mode::Native, Some(&component), both),
    ] {
        let (_, certificates) = judged(&embedded(mode), component);
        assert_eq!(certificates, [stated], "{mode:?}");
    }
}

#[test]
fn dual_catches_a_native_build_that_is_wrong() {
    let wrong = Kernel::with_wrong_native(another_component(), &options(Mode::Dual)).unwrap();
    let (end, certificates) = judged(&wrong, None);
    let End::Unjudged { failure, batch } = end else { panic!("{end:?}") };
    assert_eq!(
        (failure.code.name(), certificates.len(), batch.events),
        ("engines-differ", 0, 2),
        "{failure}"
    );
}

#[test]
fn native_signs_nothing_that_the_component_does_not_say() {
    let native = Kernel::embedded(&Options { mode: Mode::Native, ..Options::default() }).unwrap();
    let component = Kernel::from_bytes(another_component(), &options(Mode::Wasm)).unwrap();
    let (end, certificates) = judged(&native, Some(&component));
    let End::Unjudged { failure, .. } = end else { panic!("{end:?}") };
    assert_eq!((failure.code.name(), certificates.len()), ("engines-differ", 0), "{failure}");
    // Beside its own component it is right.
    let ours = Kernel::embedded(&Options::default()).unwrap();
    let (end, certificates) = judged(&native, Some(&ours));
    assert!(matches!(end, End::Settled) && certificates.len() == 1);
    assert!(Checker::open(native, Some(ours), None).is_ok());
}
