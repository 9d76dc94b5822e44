//! What the harnesses ask Kani for, given pseudo-random values.

use std::cell::Cell;
use std::panic::{catch_unwind, panic_any, resume_unwind};

/// Runs of a harness whose assumptions held.
const RUNS: u32 = 20_000;
/// Runs in all, at most: an assumption that hardly ever holds must not be mistaken for a proof.
const MOST: u32 = 50 * RUNS;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0x9E37_79B9_7F4A_7C15) };
}

/// An assumption did not hold: this run says nothing.
struct Assumed;

/// A value of any kind.
pub trait Arbitrary {
    /// The next one.
    fn any() -> Self;
}

/// The next value.
pub fn any<T: Arbitrary>() -> T {
    T::any()
}

/// Ends the run where the assumption does not hold.
pub fn assume(holds: bool) {
    if !holds {
        panic_any(Assumed);
    }
}

/// Runs a harness until it held often enough.
pub fn repeat(harness: fn()) {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Assumed>() {
            print(info);
        }
    }));
    let mut held = 0;
    for _ in 0..MOST {
        match catch_unwind(harness) {
            Ok(()) => held += 1,
            Err(payload) if payload.is::<Assumed>() => {}
            Err(payload) => resume_unwind(payload),
        }
        if held == RUNS {
            return;
        }
    }
    panic!("the assumptions held in {held} of {MOST} runs");
}

/// SplitMix64; now and then a value from the edge, which is where codecs go wrong.
fn next() -> u64 {
    STATE.with(|state| {
        let seed = state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        state.set(seed);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        match mixed & 7 {
            0 => 0,
            1 => u64::MAX,
            2 => mixed >> 60,
            _ => mixed ^ mixed >> 31,
        }
    })
}

macro_rules! integers {
    ($($integer:ty),*) => {
        $(impl Arbitrary for $integer {
            fn any() -> Self {
                next() as $integer
            }
        })*
    };
}

integers!(u8, u16, u32, u64, usize);

impl Arbitrary for u128 {
    fn any() -> Self {
        u128::from(next()) << 64 | u128::from(next())
    }
}

impl Arbitrary for bool {
    fn any() -> Self {
        next() & 1 == 1
    }
}

impl<T: Arbitrary, const N: usize> Arbitrary for [T; N] {
    fn any() -> Self {
        std::array::from_fn(|_| T::any())
    }
}
