//! Writes what fuzzing starts from, below `fuzz/corpus`: the vectors of `tests/vectors`, taken apart as each
//! target wants them, and a few texts. Files are named by their content; what is there already stays.
//!
//! `cargo run --release --manifest-path fuzz/Cargo.toml --no-default-features --example seeds`

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use omega_fuzz::made;
use omega_fuzz::targets::{certificate, proof};
use omega_kernel::cert_log::{LOG_HEADER, Record};
use omega_kernel::frame::Frames;
use omega_kernel::session::Session;
use omega_kernel::snapshot::{ChainPosition, SnapshotWriter};

/// The greatest log that becomes a seed: small inputs are tried more often.
const MOST_BYTES: usize = 2048;

const EVENTS: [&str; 7] = [
    "[]",
    r#"{"id":"00000000000000000000000000000001","node":1,"lamport":"1","payload":"a"}"#,
    r#"[{"id":"00000000000000000000000000000002","node":4294967295,"stream":65535,"lamport":"18446744073709551615","payload_base64":"/wA="},
{"id":"0000000000000000000000000000000a","node":2,"lamport":7,"prev":"00000000000000000000000000000002","deps":["00000000000000000000000000000002"],"payload":"\u00fc\n"}]"#,
    r#"{"id":"00000000000000000000000000000003","node":1,"lamport":3,"payload":"s","salt":"0101010101010101010101010101010101010101010101010101010101010101","claim":"0202020202020202020202020202020202020202020202020202020202020202"}"#,
    r#"{"id":"00000000000000000000000000000004","node":1,"lamport":4,"erased":true,"payload_length":"5","payload_hash":"0303030303030303030303030303030303030303030303030303030303030303","observed":{"length":"6","hash":"0404040404040404040404040404040404040404040404040404040404040404"}}"#,
    r#"{"id":"00000000000000000000000000000005","node":1,"lamport":9007199254740993,"payload":""}"#,
    r#"{"id":"00000000000000000000000000000006","node":1,"lamport":1.5,"payload":{}}"#,
];

const CLOUD_EVENTS: [&str; 4] = [
    r#"{"specversion":"1.0","id":"1","source":"/a","type":"t"}"#,
    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/a\",\"type\":\"t\"}\r\n\n{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/a\",\"type\":\"t\"}\n{\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"/a\",\"type\":\"t\",\"data\":{\"x\":[1]}}",
    r#"{"specversion":"1.0","id":"3","source":"/b","type":"t","omegalamport":"18446744073709551615","omegaprev":"0a","omegadeps":"0c 0b"}"#,
    r#"[{"specversion":"1.0","id":"4","source":"/a","type":"t","omegalamport":7,"omegastream":3},{"specversion":"1.0","id":"5","source":"/b","type":"t"}]"#,
];

fn main() -> Result<(), Box<dyn Error>> {
    for vector in vectors()? {
        let mut session = Session::genesis();
        for batch in batches(&vector)? {
            for log in &batch {
                put("frame", log)?;
                put("http", &[&[0], &log[..]].concat())?;
                for frame in Frames::new(log).into_iter().flat_map(|(_, frames)| frames).flatten() {
                    put("event", &frame.bytes[8..])?;
                }
            }
            let Ok(finished) = made::judge_in(&mut session, &batch) else { continue };
            if finished.body.len() <= MOST_BYTES {
                put("certificate", &certificate::verdict(&finished.body))?;
            }
            let place = ChainPosition { chain_id: [9; 32], height: 3 };
            for place in [None, Some(place)] {
                put("snapshot", &SnapshotWriter::new(session.state(), place).read(0, u32::MAX))?;
            }
        }
    }
    let mut log = LOG_HEADER.to_vec();
    for certificate in certificate::others() {
        put("certificate", &certificate)?;
        Record::Certificate(&certificate).append(&mut log)?;
    }
    put("certificate", &log)?;
    put("certificate", &log[..log.len() - 5])?;
    for proof in proof::some() {
        put("proof", &proof)?;
    }
    for number in 0..24u8 {
        // What calls come of it is the fuzzer's to vary.
        let mut bytes = vec![0; 64 * (1 + usize::from(number))];
        let lengths = made::chunks(&[number]);
        bytes.iter_mut().zip(lengths).for_each(|(byte, length)| *byte = (length * 7) as u8);
        put("session", &bytes)?;
    }
    for text in EVENTS.iter().chain(&CLOUD_EVENTS) {
        put("import", text.as_bytes())?;
        // Of each kind of content but `.omega`, and with a name.
        for kind in [1, 2, 3, 134] {
            put("http", &[&[kind], text.as_bytes()].concat())?;
        }
    }
    Ok(())
}

fn put(target: &str, bytes: &[u8]) -> std::io::Result<()> {
    if bytes.len() > 4 * MOST_BYTES {
        return Ok(());
    }
    let folder = root().join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    let name = blake3::hash(bytes).to_hex();
    fs::write(folder.join(&name[..16]), bytes)
}

fn vectors() -> std::io::Result<Vec<PathBuf>> {
    let mut vectors = Vec::new();
    for kind in ["accept", "decline", "reject"] {
        for entry in fs::read_dir(root().join("../tests/vectors").join(kind))? {
            vectors.push(entry?.path());
        }
    }
    vectors.sort();
    Ok(vectors)
}

/// The logs of a vector's batches: `BATCH-LOG.omega`.
fn batches(vector: &Path) -> std::io::Result<Vec<Vec<Vec<u8>>>> {
    let mut batches = Vec::new();
    for batch in 1.. {
        let mut logs = Vec::new();
        for log in 1.. {
            match fs::read(vector.join(format!("{batch}-{log}.omega"))) {
                Ok(log) if log.len() <= MOST_BYTES => logs.push(log),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        if logs.is_empty() {
            break;
        }
        batches.push(logs);
    }
    Ok(batches)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
