//! What a node meets on its machine: another process, a folder that is read-only, a disk that is full,
//! a clock that jumps.

mod support {
    pub mod node;
}

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::node::{Answer, Node, Start, event, id};

const JSON: &str = "application/json";

#[test]
fn a_second_process_on_the_same_folder_is_refused() {
    let node = Node::new();
    node.certify("a", &event(1, 1, "x"));
    let (exit, object) = Start::default().on(&node.folder).refused();
    assert_eq!((exit, object["code"].as_str()), (30, Some("store-locked")), "{object:#}");
    assert!(object["hint"].as_str().unwrap().contains("--data"), "{object:#}");
    node.certify("a", &event(1, 2, "x"));
    // The command line does not write into its log either.
    let certified = node.run(&["keygen", "--output", "other.key"], 0);
    assert!(certified.is_object());
    let folder = node.kill();
    // A killed process holds nothing.
    assert_eq!(Start::default().on(&folder).node().status()["accepted_ids"], "2");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let node = Node::new();
    let address = node.url.split("//").nth(1).unwrap().to_owned();
    let (exit, object) =
        Start::default().env("OMEGA_X", "").arg(&["--data", "other", "--listen", &address]).refused();
    assert_eq!(exit, 2, "{object:#}");
}

#[test]
fn a_read_only_folder_is_said() {
    let node = Node::new();
    node.certify("a", &event(1, 1, "x"));
    let folder = Arc::clone(&node.folder);
    node.stop();
    let mut start = Start::default().on(&folder);
    if mounts() {
        start.before = mounted("mount --bind node node && mount -o remount,bind,ro node");
    } else {
        fs::set_permissions(folder.path().join("node"), std::os::unix::fs::PermissionsExt::from_mode(0o500))
            .unwrap();
    }
    let (exit, object) = start.refused();
    assert_eq!((exit, object["code"].as_str()), (30, Some("write-failed")), "{object:#}");
    assert!(object["file"].as_str().unwrap().starts_with("node/"), "{object:#}");
    let writable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(folder.path().join("node"), writable).unwrap();
    assert_eq!(Start::default().on(&folder).node().status()["accepted_ids"], "1");
}

#[test]
fn a_full_disk_stops_nothing_for_good() {
    if !mounts() {
        // Past the test runner, which keeps what passing tests print to itself.
        _ = writeln!(std::io::stderr(), "skipped: a full disk: this user may not mount one");
        return;
    }
    let folder = Arc::new(tempfile::tempdir().unwrap());
    fs::create_dir(folder.path().join("node")).unwrap();
    let mut start = Start::default().on(&folder).arg(&["--flush-ms", "5"]);
    start.before = mounted("mount -t tmpfs -o size=24m none node");
    let node = start.node();
    let inside: PathBuf = format!("/proc/{}/root{}/node", node.pid(), folder.path().display()).into();
    fs::write(inside.join("ballast"), vec![7; 8 << 20]).unwrap();
    let mut acknowledged = Vec::new();
    let refused = until(&node, &mut acknowledged, |answer| answer.status != 200);
    let problem = refused.problem(503, "write-failed");
    assert!(refused.header("retry-after").is_some());
    assert!(problem["hint"].as_str().unwrap().contains("Make room"), "{problem:#}");
    let ready = node.get("/readyz");
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)));
    assert!(ready.json()["reasons"][0].as_str().unwrap().contains("write-failed"));
    // It still answers those who read.
    let path = format!("/api/events/{}", id(1, acknowledged[0]));
    node.get(&path).ok();
    node.get("/api/status").ok();

    fs::remove_file(inside.join("ballast")).unwrap();
    let taken = until(&node, &mut acknowledged, |answer| answer.status == 200);
    taken.ok();
    for number in &acknowledged {
        let path = format!("/api/events/{}", id(1, *number));
        let accepted = (0..300).any(|_| {
            thread::sleep(Duration::from_millis(10));
            node.get(&path).ok()["held"][0]["state"] == "accepted"
        });
        assert!(accepted, "{}", node.get(&path).json());
    }
    let ready = (0..300).any(|_| {
        thread::sleep(Duration::from_millis(10));
        node.get("/readyz").status == 200
    });
    assert!(ready, "{}", node.get("/readyz").json());
    node.stop();
}

#[test]
fn a_limit_on_the_size_of_files_fails_one_request_and_no_event_is_lost() {
    // In units of 512 bytes: 4 MiB.
    let before = ["sh", "-c", "ulimit -f 8192; exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    let start = Start { before, ..Start::default() };
    let node = start.node();
    let mut acknowledged = Vec::new();
    let refused = until(&node, &mut acknowledged, |answer| answer.status != 200);
    let problem = refused.problem(503, "write-failed");
    assert!(problem["hint"].as_str().unwrap().contains("ulimit"), "{problem:#}");
    until(&node, &mut acknowledged, |answer| answer.status == 200);
    let count = acknowledged.len();
    assert_eq!(node.status()["events"], count.to_string());
    let folder = Arc::clone(&node.folder);
    node.stop();
    let node = Start::default().on(&folder).node();
    assert_eq!(node.status()["accepted_ids"], count.to_string());
    assert_eq!(node.status()["open_incidents"], 0);
}

/// Sends large events until an answer is as wanted; notes which were acknowledged.
fn until(node: &Node, acknowledged: &mut Vec<u64>, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let mut number = acknowledged.last().copied().unwrap_or(0);
    for _ in 0..400 {
        let body = event(1, number + 1, &"x".repeat(200_000)).to_string();
        let answer = node.post("/api/events?log=large", JSON, body.as_bytes());
        if answer.status == 200 {
            number += 1;
            acknowledged.push(number);
        }
        if wanted(&answer) {
            return answer;
        }
        thread::sleep(Duration::from_millis(3));
    }
    panic!("it never came");
}

/// Whether this user may mount in a namespace of their own.
fn mounts() -> bool {
    let tried = Command::new("unshare").args(["-m", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// What stands before a command so that it sees something mounted.
fn mounted(how: &str) -> Vec<String> {
    let script = format!("{how} && exec \"$@\"");
    ["unshare", "-m", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

#[test]
fn a_past_that_is_damaged_on_disk_is_noticed_and_told() {
    let node = Start::default().arg(&["--batch-size", "1", "--audit-seconds", "1"]).node();
    node.certify("a", &event(1, 1, "some payload that will change"));
    node.certify("a", &event(1, 2, "another"));
    let segment = fs::read_dir(node.path("segments")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(4).position(|window| window == b"will").unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let noticed = (0..600).any(|_| {
        thread::sleep(Duration::from_millis(50));
        node.get("/readyz").status == 503
    });
    assert!(noticed, "{}", node.said());
    let reason = node.get("/readyz").json()["reasons"][0].to_string();
    assert!(reason.contains("height 1 cannot be judged any more: frame-damaged"), "{reason}");
    let incidents = node.get("/api/incidents").ok();
    let incident = &incidents["incidents"][0];
    assert_eq!((&incident["kind"], &incident["height"]), (&json!("replay-mismatch"), &json!("1")));
    // What comes is taken all the same: nobody's events get lost because of it.
    node.certify("a", &event(1, 3, "goes on"));
}

/// The clock of the wall is read in one place, for the stamps of incidents and of lines of metrics.
/// Time that is measured is monotonic: no jump of the clock reaches it.
#[test]
fn no_jump_of_the_clock_reaches_what_a_node_does() {
    let mut readers = Vec::new();
    sources(Path::new("src"), &mut |path, text| {
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for word in ["SystemTime", "now_ms()"] {
            if code.contains(word) {
                readers.push((path.display().to_string(), word));
            }
        }
    });
    readers.sort();
    let allowed = [
        ("src/node/incidents.rs", "SystemTime"),
        ("src/node/incidents.rs", "now_ms()"),
        // When the file of tokens was changed: compared for being another, never for being later.
        ("src/serve/auth.rs", "SystemTime"),
        ("src/serve/http/incidents.rs", "now_ms()"),
        ("src/serve/mod.rs", "now_ms()"),
    ];
    assert_eq!(readers, allowed.map(|(path, word)| (path.to_owned(), word)));
    // And a stamp from a clock that was set back, or stands before 1970, is a stamp like any other.
    let node = Node::new();
    let folder = Arc::clone(&node.folder);
    node.certify("a", &event(1, 1, "mine"));
    let other = json!({ "id": id(1, 1), "node": 1, "lamport": "1", "payload": "other" });
    node.certify("b", &other);
    node.stop();
    let path = folder.path().join("node/incidents.log");
    let line = fs::read_to_string(&path).unwrap();
    let mut object: Value = serde_json::from_str(&line[9..]).unwrap();
    object["incident"]["opened_ms"] = json!(u64::MAX);
    let json = object.to_string();
    fs::write(&path, format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))).unwrap();
    let node = Start::default().on(&folder).node();
    node.certify("b", &event(2, 1, "goes on"));
    assert_eq!(node.get("/api/incidents/1").ok()["opened_ms"], json!(u64::MAX));
}

fn sources(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, each);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            each(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
