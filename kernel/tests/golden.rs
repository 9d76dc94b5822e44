//! One small batch whose hashes are written down, 16 bytes of each: a change of any format, hash
//! domain or order of fields is seen here first, and must be meant.

use crate::common::{ev, judge_in, log, sign};
use omega_kernel::body::Body;
use omega_kernel::hash::{self, Hash};
use omega_kernel::scan::{RunScanner, ScanPart};
use omega_kernel::session::Session;
use omega_kernel::snapshot::SnapshotWriter;

#[track_caller]
fn golden(what: &str, found: Hash, expected: &str) {
    let found: String = found[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, expected, "{what}");
}

#[test]
fn the_hashes_of_a_small_batch_stay_what_they_are() {
    let mut session = Session::genesis();
    judge_in(&mut session, &[log("prior", &[ev(1, 1), ev(2, 2).prev(1)])]);
    let mut alice = log("alice", &[ev(2, 2).prev(1), ev(3, 3).prev(2).deps(&[1, 2]).claim(7).salted(8)]);
    sign(&mut alice, 1);
    let bob = log("bob", &[ev(9, 5).node(2).stream(0x8000).deps(&[3]).erased(), ev(2, 2).prev(1)]);
    let mut scanner = RunScanner::new(ScanPart::default());
    scanner.push(&alice).unwrap();
    let run = scanner.finish(true).unwrap();
    let finished = judge_in(&mut session, &[bob, alice]);
    let body = Body::split(&finished.body).unwrap();
    let (core, _) = body.decode().unwrap();
    let snapshot = SnapshotWriter::new(session.state(), None).read(0, u32::MAX);

    golden(
        "event",
        ev(3, 3).prev(2).deps(&[1, 2]).claim(7).salted(8).header.hash(),
        "a922ede90370385d89ea2588c8c35e45",
    );
    golden("body", body.hash(), "c47e6bf877b968add966eedd47cb071e");
    golden("core", body.core_hash(), "27613623de6dd6a27ca413c0382cf36f");
    golden("log root", core.logs[0].root, "f9e416b522333b8752b4ed77f5781552");
    golden("trace root", core.trace_root, "27cf435554f6c7a10d4ee1b7357c7e20");
    golden("batch id root", core.batch_id_root, "b87d003a27a46f627ddbc7960f3c3e73");
    golden("state root", core.next.root(), "1c7b8f4ce6d16b69e81b70b9f2a4bfcd");
    golden("run", hash::plain(&run), "d25b3fd48dd5f15b1405492ee88c7bac");
    golden("snapshot", hash::plain(&snapshot), "bb571b523ef74eb70003e99e60155b0e");
}

#[test]
fn the_hashes_of_a_small_obstruction_stay_what_they_are() {
    let mut session = Session::genesis();
    judge_in(&mut session, &[log("prior", &[ev(1, 1), ev(2, 2).prev(1), ev(5, 1).node(2)])]);
    let logs = [log("a", &[ev(3, 3).prev(1)]), log("b", &[ev(4, 1).node(3).mismatch().erased()])];
    let finished = judge_in(&mut session, &logs);
    let body = Body::split(&finished.body).unwrap();
    let (core, _) = body.decode().unwrap();
    golden("body", body.hash(), "83758f6356ff50166d3db522de0e33fe");
    golden("mismatched leaf", core.logs[1].root, "d3bd859371830b2a96816d4566e30f9b");
    golden("evidence", hash::plain(core.evidence.as_ref().unwrap()), "8a709709650d4a577c44eb174c94a5fe");
}
