//! A writer who goes on while kernels are added and put in place.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::node::{Answer, Node, event};

const JSON: &str = "application/json";

/// A writer who goes on while something else is done: each request must be answered with 200, and each
/// event be new.
pub fn while_writing<T>(node: &Node, payload: &str, work: impl FnOnce() -> T) -> (T, u64) {
    let (going, sent) = (AtomicBool::new(true), AtomicU64::new(0));
    let from = node.status()["events"].as_str().unwrap().parse::<u64>().unwrap();
    let slowest = AtomicU64::new(0);
    let done = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut lamport = 1000 + from;
            while going.load(Ordering::Acquire) {
                let events: Vec<Value> = (0..10).map(|number| event(7, lamport + number, payload)).collect();
                lamport += 10;
                let begun = Instant::now();
                let body = json!(events).to_string();
                let taken = node.post("/api/events?log=load", JSON, body.as_bytes()).ok();
                assert_eq!((&taken["accepted"], &taken["duplicates"]), (&json!(10), &json!(0)));
                slowest.fetch_max(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
                sent.fetch_add(10, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        // Also where the work panics: otherwise nothing would end.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        going.store(false, Ordering::Release);
        writing.join().unwrap();
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let sent = sent.into_inner();
    println!("{sent} events meanwhile, the slowest acknowledgement {} ms", slowest.into_inner());
    settled(node, node.status()["events"].as_str().unwrap().parse().unwrap());
    assert!(node.status()["events"].as_str().unwrap().parse::<u64>().unwrap() >= from + sent);
    (done, sent)
}

/// Waits until so many events are accepted, and no more.
#[track_caller]
pub fn settled(node: &Node, events: u64) {
    for _ in 0..1000 {
        let status = node.status();
        if status["accepted_ids"].as_str() == Some(&*events.to_string()) {
            assert_eq!(
                (&status["ids"], &status["events"]),
                (&json!(events.to_string()), &json!(events.to_string()))
            );
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("never {events}: {:#}", node.status());
}

pub fn add(node: &Node, component: &[u8]) -> Answer {
    node.post("/api/kernels", "application/wasm", component)
}

pub fn added(node: &Node, component: &[u8]) -> String {
    add(node, component).ok()["hash"].as_str().unwrap().to_owned()
}

pub fn swap(node: &Node, hash: &str, accept: &[String]) -> Answer {
    node.post(&format!("/api/kernels/{hash}/swap"), JSON, json!({ "accept": accept }).to_string().as_bytes())
}
