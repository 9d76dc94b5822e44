//! The order key, and the order of events.

use std::cmp::Ordering;

use omega_kernel::entry::Entry;
use omega_kernel::event::{ID_END, order_key};

use crate::kani;

/// An entry with any of what decides its place; a few hashes are enough to tell any two apart.
fn entry() -> Entry {
    let mut event_hash = [0; 32];
    event_hash[0] = kani::any();
    event_hash[31] = kani::any();
    Entry {
        lamport: kani::any(),
        node: kani::any(),
        stream: kani::any(),
        flags: 0,
        id: kani::any(),
        prev: 0,
        event_hash,
        dep_count: 0,
        dep_start: 0,
        rest: 0,
        log: 0,
    }
}

harnesses! {
    /// In the domain of ids, the key orders as lamport, node, stream and id do, one after the other.
    #[unwind(34)]
    fn the_key_orders_as_its_fields_do() {
        let a: (u64, u32, u16, u128) = (kani::any(), kani::any(), kani::any(), kani::any());
        // Half of them share all but one field: else the first field decides nearly always.
        let b: (u64, u32, u16, u128) = match kani::any::<u8>() % 4 {
            0 => (a.0, a.1, a.2, kani::any()),
            1 => (a.0, a.1, kani::any(), kani::any()),
            2 => (a.0, kani::any(), kani::any(), kani::any()),
            _ => (kani::any(), kani::any(), kani::any(), kani::any()),
        };
        let (a, b) = ((a.0, a.1, a.2, a.3 % ID_END), (b.0, b.1, b.2, b.3 % ID_END));
        let keys = order_key(a.0, a.1, a.2, a.3).cmp(&order_key(b.0, b.1, b.2, b.3));
        assert_eq!(keys, a.cmp(&b));
    }

    /// The greater key never has the smaller lamport: sorted is lamport-monotonic.
    #[unwind(34)]
    fn a_greater_key_has_no_smaller_lamport() {
        let (a, b) = (entry(), entry());
        kani::assume(a.key() <= b.key());
        assert!(a.lamport <= b.lamport);
    }

    /// Two events compare the same from either side, and equal only where nothing that decides differs.
    #[unwind(34)]
    fn the_order_of_events_is_antisymmetric() {
        let (a, mut b) = (entry(), entry());
        if kani::any() {
            (b.lamport, b.node, b.stream) = (a.lamport, a.node, a.stream);
        }
        if kani::any() {
            b.id = a.id;
        }
        assert_eq!(a.cmp_event(&b), b.cmp_event(&a).reverse());
        let decides = |e: &Entry| (e.lamport, e.node, e.stream, e.id, e.event_hash);
        assert_eq!(a.cmp_event(&b) == Ordering::Equal, decides(&a) == decides(&b));
    }

    /// Of three events, the first before the second and that before the third, the first is before the third.
    #[unwind(34)]
    fn the_order_of_events_is_transitive() {
        let (a, mut b, mut c) = (entry(), entry(), entry());
        if kani::any() {
            (b.lamport, b.node, b.stream) = (a.lamport, a.node, a.stream);
            (c.lamport, c.node, c.stream) = (a.lamport, a.node, a.stream);
        }
        kani::assume(a.cmp_event(&b) != Ordering::Greater && b.cmp_event(&c) != Ordering::Greater);
        assert_ne!(a.cmp_event(&c), Ordering::Greater);
    }
}
