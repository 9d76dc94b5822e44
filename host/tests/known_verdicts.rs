//! The known batches, by every engine and under several schedules: the same pinned bodies.

use omega_sheaf::engine::{Execution, Kernel, Mode, Options};
use omega_sheaf::known::KnownBatch;

#[test]
fn every_engine_and_schedule_comes_to_the_pinned_verdicts() {
    let options = Options { compiler: Some(env!("CARGO_BIN_EXE_omega").into()), ..Options::default() };
    let batches = KnownBatch::all().unwrap();
    for (mode, execution) in [
        (Mode::Wasm, Execution::Cranelift),
        (Mode::Wasm, Execution::Pulley),
        (Mode::Native, Execution::Cranelift),
        (Mode::Dual, Execution::Cranelift),
    ] {
        let kernel = Kernel::embedded(&Options { mode, execution, ..options.clone() }).unwrap();
        for batch in &batches {
            assert!(batch.logs_are_right(), "{}", batch.name);
            for seed in 0..4 {
                let found = batch.judge(&kernel, seed).unwrap();
                assert!(
                    batch.expected.are_met_by(&found),
                    "{} {mode:?} {execution:?} {seed}: {found:?}",
                    batch.name
                );
            }
        }
    }
}

#[test]
fn one_batch_merges_and_the_other_does_not() {
    let [agreeing, conflicting] = KnownBatch::all().unwrap();
    assert!(agreeing.expected.merged && agreeing.logs.len() == 4);
    assert!(!conflicting.expected.merged && conflicting.logs.len() == 2);
}
