//! A log that is read once is told as one that was counted before it was judged: the same report, to the
//! byte, whatever is wrong with it.

use std::slice;

use ed25519_dalek::{Signer, SigningKey};
use omega_kernel::certificate::{Certificate, Content};
use omega_kernel::frame::{HEADER_BYTES, write_frame};
use omega_kernel::hash::SCHEMA_HASH;
use omega_kernel::wire::{Head, encode_head};
use serde_json::Value;

use native::{Bytes, Native, certificate, file, log, named, said};

mod native;

/// The report, which is the same either way; and how many bytes were read where they are read once.
fn alike(certificate: &Certificate, logs: &[Vec<u8>], what: &str) -> (Value, u64) {
    let files = || -> Vec<Bytes> { logs.iter().map(|log| file("a file", log.clone())).collect() };
    let once = files();
    let read: Vec<_> = once.iter().map(|file| file.total.clone()).collect();
    let once = said(certificate, once, Native { once: true });
    assert_eq!(once, said(certificate, files(), Native { once: false }), "{what}");
    (once, read.iter().map(|read| read.get()).sum())
}

fn status(report: &Value) -> &str {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == "logs").unwrap()["status"].as_str().unwrap()
}

/// The frame of a head of the log `alice` with five events, as its writer signs it.
fn head(certificate: &Certificate) -> Vec<u8> {
    let Content::Verdict { core, .. } = certificate.content() else { panic!("a verdict") };
    let log_root = core.logs[0].root;
    let key = SigningKey::from_bytes(&[9; 32]);
    let signed = Head::signed_message(&SCHEMA_HASH, "alice", 5, &log_root);
    let (key, signature) = (key.verifying_key().to_bytes(), key.sign(&signed).to_bytes());
    let (mut message, mut frame) = (Vec::new(), Vec::new());
    encode_head(&Head { event_count: 5, log_root, key, signature }, &mut message);
    write_frame(&message, &mut frame);
    frame
}

#[test]
fn what_is_whole_is_read_once() {
    let certificate = certificate(&[log(5)]);
    for count in 0..9 {
        let bytes = log(count);
        let (report, read) = alike(&certificate, slice::from_ref(&bytes), &format!("{count} events"));
        assert_eq!(status(&report) == "passed", count >= 5, "{report}");
        if count == 5 {
            assert_eq!(read, (HEADER_BYTES + bytes.len()) as u64);
        }
    }
}

#[test]
fn every_damage_is_told_alike() {
    let certificate = certificate(&[log(5)]);
    for count in [5, 7] {
        let whole = log(count);
        for at in 0..whole.len() {
            alike(&certificate, &[whole[..at].to_vec()], &format!("{count} events, cut at {at}"));
            for bit in [0, 5] {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                alike(&certificate, &[flipped], &format!("{count} events, bit {bit} of {at} flipped"));
            }
        }
    }
}

#[test]
fn heads_and_what_stands_behind_them_are_told_alike() {
    let certificate = certificate(&[log(5)]);
    let (five, seven, head) = (log(5), log(7), head(&certificate));
    let behind = &seven[five.len()..];
    let (signed, _) = alike(&certificate, &[[&five[..], &head].concat()], "a head");
    assert_eq!(status(&signed), "passed", "{signed}");
    for more in [head.clone(), [&head[..], &head].concat(), [&head[..], behind].concat()] {
        for end in [vec![], vec![0; 8], head.clone(), vec![1; 5], behind.to_vec(), head[..40].to_vec()] {
            let bytes = [&five[..], &more, &end].concat();
            let (report, _) = alike(&certificate, slice::from_ref(&bytes), "heads");
            assert_eq!(status(&report), "passed", "{report}");
            for at in five.len()..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 4;
                alike(&certificate, &[flipped], &format!("bit 2 of {at} flipped behind the events"));
            }
        }
    }
    alike(&certificate, &[[&five[..], &[0; 3000]].concat()], "zeros");
}

#[test]
fn conflicts_and_several_logs_are_told_alike() {
    let fork = [named("alice", 40, 5), named("bob", 41, 5)];
    let certificate = certificate(&fork);
    for alice in [4, 5, 7] {
        for bob in [0, 5, 6] {
            let logs = [named("alice", 40, alice), named("bob", 41, bob)];
            let (report, _) = alike(&certificate, &logs, &format!("{alice} and {bob} events"));
            assert_eq!(status(&report) == "passed", alice >= 5 && bob >= 5, "{report}");
            let same = [logs[0].clone(), logs[0].clone(), logs[1].clone()];
            alike(&certificate, &same, "a copy");
            alike(&certificate, &logs[1..], "one is missing");
        }
    }
    let mut both = fork.clone();
    both[0].truncate(300);
    both[1][400] ^= 1;
    alike(&certificate, &both, "both are damaged");
}
