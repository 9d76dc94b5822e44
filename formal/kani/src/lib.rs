//! Bounded proofs: for every input up to a small bound, not for some.
//!
//! Not run in CI: Kani cannot be set up here. Where it can (<https://model-checking.github.io/kani/>), run
//! `cargo kani` in this folder. Without it, `cargo test --release` runs each harness over pseudo-random values
//! (`sampled`), so that it compiles and holds for those; that proves nothing beyond them.

#[cfg(kani)]
use ::kani;

#[cfg(all(test, not(kani)))]
mod sampled;
#[cfg(all(test, not(kani)))]
use sampled as kani;

/// Declares harnesses: proofs for Kani, tests over pseudo-random values otherwise.
#[cfg(any(kani, test))]
macro_rules! harnesses {
    ($($(#[doc = $doc:literal])* #[unwind($bound:literal)] fn $name:ident() $body:block)*) => {
        $(
            $(#[doc = $doc])*
            #[cfg_attr(kani, kani::proof)]
            #[cfg_attr(kani, kani::unwind($bound))]
            #[cfg_attr(kani, kani::stub(omega_kernel::crc::crc32_of_frame, crate::any_checksum))]
            #[cfg_attr(kani, kani::stub(omega_kernel::crc::crc32, crate::any_checksum_of_bytes))]
            fn $name() $body
        )*

        #[cfg(all(test, not(kani)))]
        mod tests {
            $(
                #[test]
                fn $name() {
                    crate::sampled::repeat(super::$name);
                }
            )*
        }
    };
}

#[cfg(any(kani, test))]
mod codec;
#[cfg(any(kani, test))]
mod frame;
#[cfg(any(kani, test))]
mod order;

/// Any checksum at all: what must hold behind a checksum must not depend on it. CRC-32 itself is held against a
/// library by the kernel's tests.
#[cfg(kani)]
fn any_checksum(_: &[u8; 4], _: &[u8]) -> u32 {
    kani::any()
}

#[cfg(kani)]
fn any_checksum_of_bytes(_: &[u8]) -> u32 {
    kani::any()
}
