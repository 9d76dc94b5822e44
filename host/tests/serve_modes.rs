//! `OMEGA_KERNEL_MODE`: whichever build judges, the chain says the same.

mod support {
    pub mod node;
}

use std::sync::Arc;

use serde_json::{Value, json};
use support::node::{Start, event, id, run};

/// Two writers, a redelivery, a conflict, what waits for what is missing, a restart in the middle. Gives
/// every verdict, as it was certified, without what differs by time and key.
fn scenario(mode: &str) -> Vec<Value> {
    let start =
        Start::default().env("OMEGA_KERNEL_MODE", mode).arg(&["--batch-size", "1", "--audit-seconds", "1"]);
    let node = start.clone().node();
    let folder = Arc::clone(&node.folder);
    node.certify("alice", &json!([event(1, 1, "one"), event(1, 2, "two")]));
    node.certify("bob", &event(2, 1, "three"));
    assert_eq!(node.certify("alice", &event(1, 1, "one"))["duplicates"], 1);
    let other =
        json!([{ "id": id(1, 1), "node": 1, "lamport": "1", "payload": "other" }, event(2, 2, "goes on")]);
    assert_eq!(node.certify("bob", &other)["certified"]["set_aside"], json!([id(1, 1)]));
    node.stop();
    let node = start.on(&folder).node();
    let mut late = event(3, 9, "late");
    late["deps"] = json!([id(2, 1), id(1, 2)]);
    node.certify("carol", &late);
    let proof = node.get(&format!("/api/events/{}", id(3, 9))).ok();
    assert_eq!(proof["held"][0]["state"], "accepted");
    let newest: u64 = node.status()["height"].as_str().unwrap().parse().unwrap();
    let mut verdicts = vec![node.status()["state_root"].clone()];
    for height in 1..=newest {
        let mut stated = node.get(&format!("/api/certificates/{height}")).ok()["certificate"].take();
        for other in ["cert_id", "chain_id", "chain_hash", "signers", "previous", "prev_hash"] {
            stated.as_object_mut().unwrap().remove(other);
        }
        verdicts.push(stated);
    }
    // What was certified is certified by the component, whoever judged first: looked at again here.
    let audited = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        node.status()["audited_batches"] != "0"
    });
    assert!(audited, "{:#}", node.status());
    assert_eq!(node.get("/readyz").status, 200);
    node.stop();
    run(folder.path(), &["verify", "--cert-log", "node/cert.log", "--trust", "node/node.pub"], 0);
    verdicts
}

#[test]
fn every_mode_ends_in_the_same_chain() {
    let wasm = scenario("wasm");
    for mode in ["native", "dual"] {
        for (one, other) in wasm.iter().zip(scenario(mode)) {
            let without = |value: &Value| {
                let mut value = value.clone();
                let names: Vec<String> =
                    value.as_object().into_iter().flat_map(|it| it.keys().cloned()).collect();
                names.iter().filter(|name| name.contains("hash") && *name != "kernel_hash").for_each(
                    |name| {
                        value.as_object_mut().unwrap().remove(name);
                    },
                );
                value
            };
            assert_eq!(without(one), without(&other), "{mode}");
        }
    }
}

#[test]
fn a_mode_that_there_is_not_is_refused() {
    let (exit, object) = Start::default().env("OMEGA_KERNEL_MODE", "fast").refused();
    assert_eq!((exit, object["code"].as_str()), (2, Some("usage")), "{object:#}");
}
