//! Tests of the JSON mirror: what is written is read back, and schema and reader refuse alike.

use std::path::Path;

use serde_json::{Value, json};

use super::super::event::Place as At;
use super::*;

const ID: &str = "0000000000000000000000000000000a";
const HASH: &str = "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b";

fn read(text: &str) -> Result<Vec<Event>, Failure> {
    let mut reader = EventReader::new(text.as_bytes(), Path::new("in.json"));
    let mut events = Vec::new();
    while let Some(event) = reader.read()? {
        events.push(event);
    }
    Ok(events)
}

fn minimal() -> Value {
    json!({"id": ID, "node": 1, "lamport": "1", "payload": "x"})
}

/// The minimal event with some fields replaced; null removes one.
fn with(fields: Value) -> Value {
    let mut event = minimal();
    for (name, value) in fields.as_object().unwrap() {
        match value {
            Value::Null => event.as_object_mut().unwrap().remove(name),
            value => event.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    event
}

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../schemas/event.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

#[test]
fn the_least_event_is_completed() {
    let [event] = &read(&minimal().to_string()).unwrap()[..] else { panic!("one event") };
    let place = At { id: 10, node: 1, lamport: 1, ..At::default() };
    assert_eq!(event.header, place.header(b"x", None).unwrap());
    assert_eq!(event.payload, Payload::Present { bytes: b"x".to_vec(), salt: None });
}

#[test]
fn what_is_written_is_read_back() {
    let hash = [0x6b; 32];
    let binary = vec![0, 159, 146, 150, 255];
    let salt = [9; 32];
    let base = At {
        id: u128::MAX,
        node: u32::MAX,
        stream: 65_535,
        lamport: u64::MAX,
        prev: 7,
        deps: vec![3, u128::MAX - 1],
    };
    let mut mismatch = base.clone().header(b"text", None).unwrap();
    (mismatch.payload_hash, mismatch.claim) = (hash, Some(hash));
    let events = [
        Event {
            header: base.clone().header("tab\t \"ü\" \u{1}".as_bytes(), None).unwrap(),
            payload: Payload::Present { bytes: "tab\t \"ü\" \u{1}".into(), salt: None },
        },
        Event {
            header: At { id: 1, ..At::default() }.header(&binary, Some(&salt)).unwrap(),
            payload: Payload::Present { bytes: binary, salt: Some(salt) },
        },
        Event { header: mismatch.clone(), payload: Payload::Present { bytes: b"text".to_vec(), salt: None } },
        Event { header: mismatch.clone(), payload: Payload::Erased { observed: None } },
        Event {
            header: mismatch,
            payload: Payload::Erased { observed: Some(Observed { len: 4, hash: [1; 32] }) },
        },
    ];
    let schema = schema();
    let mut text = Vec::new();
    for event in &events {
        let start = text.len();
        write_event(&event.header, event.payload.as_ref(), &mut text).unwrap();
        let json: Value = serde_json::from_slice(&text[start..]).unwrap();
        schema.validate(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
        text.push(b'\n');
    }
    assert_eq!(read(std::str::from_utf8(&text).unwrap()).unwrap(), events);
}

#[test]
fn schema_and_reader_agree() {
    let schema = schema();
    let erased = json!({"payload": null, "erased": true, "payload_length": "4", "payload_hash": HASH});
    let mut erased_twice = with(erased.clone());
    erased_twice["observed"] = json!({"length": 5, "hash": HASH});
    let good = [
        minimal(),
        with(json!({"lamport": 9_007_199_254_740_991_u64})),
        with(json!({"node": "7", "stream": 65_535, "prev": ID, "deps": [ID], "claim": HASH})),
        with(json!({"payload": null, "payload_base64": "eA=="})),
        with(json!({"salt": HASH, "payload_hash": HASH, "payload_length": "2", "erased": false})),
        with(erased.clone()),
        erased_twice,
    ];
    for json in good {
        assert!(schema.is_valid(&json), "{json}");
        read(&json.to_string()).unwrap_or_else(|failure| panic!("{json}: {failure}"));
    }
    let bad = [
        json!([]),
        with(json!({"id": null})),
        with(json!({"id": 10})),
        with(json!({"id": "a"})),
        with(json!({"id": ID.to_uppercase()})),
        with(json!({"node": 4_294_967_296_u64})),
        with(json!({"node": -1})),
        with(json!({"stream": 65_536})),
        with(json!({"lamport": null})),
        with(json!({"lamport": "01"})),
        with(json!({"lamport": "+1"})),
        with(json!({"lamport": 1.5})),
        with(json!({"lamport": 9_007_199_254_740_992_u64})),
        with(json!({"lamport": true})),
        with(json!({"deps": ID})),
        with(json!({"deps": [ID, ID]})),
        with(json!({"claim": "00"})),
        with(json!({"payload": null})),
        with(json!({"payload": 7})),
        with(json!({"payload_base64": "eA=="})),
        with(json!({"payload": null, "payload_base64": "eA="})),
        with(json!({"payload": null, "payload_base64": "e A="})),
        with(json!({"erased": true})),
        with(json!({"erased": "yes"})),
        with(json!({"observed": {"length": "1", "hash": HASH}})),
        with(json!({"payload": null, "erased": true, "payload_length": "4"})),
        with(
            json!({"payload": null, "erased": true, "payload_length": "4", "payload_hash": HASH, "salt": HASH}),
        ),
        with(json!({"unknown": 1})),
    ];
    for json in bad {
        assert!(!schema.is_valid(&json), "{json}");
        // An empty array is a log without events; the schema describes a single one.
        assert!(json == json!([]) || read(&json.to_string()).is_err(), "{json}");
    }
    // What a schema cannot say.
    let null = minimal().to_string().replace("\"x\"", "\"x\",\"claim\":null");
    let twice = minimal().to_string().replace("\"x\"", "\"x\",\"node\":1");
    let same = with(json!({"payload": null, "erased": true, "payload_length": "4", "payload_hash": HASH,
        "observed": {"length": "4", "hash": HASH}}));
    for text in [null, twice, same.to_string()] {
        assert_eq!(read(&text).unwrap_err().code.name(), "json-invalid", "{text}");
    }
}

#[test]
fn an_inexact_number_has_its_own_code_and_place() {
    for number in ["9007199254740993", "18446744073709551616", "1e3", "1.0", "9007199254740993.5"] {
        let text = format!(
            "{}\n\n{{\"id\":\"{ID}\",\"node\":1,\r\n \"lamport\": {number},\"payload\":\"\"}}",
            minimal()
        );
        let failure = read(&text).unwrap_err();
        assert_eq!(failure.code.name(), "json-number-inexact", "{number}");
        assert_eq!(failure.offset, text.rfind(number).map(|at| at as u64));
        assert!(failure.message.contains("line 4"), "{}", failure.message);
        assert!(failure.hint.unwrap().contains("string"));
    }
}

#[test]
fn what_serde_refuses_has_the_files_line_and_byte() {
    let text = format!("[{},\n  {{\"id\": \"{ID}\",\n   \"nodes\": 1}}]", minimal());
    let failure = read(&text).unwrap_err();
    assert!(failure.message.contains("line 3") && failure.message.contains("nodes"), "{}", failure.message);
    let at = failure.offset.unwrap() as usize;
    assert!(text[..at].ends_with("\"nodes"), "{:?}", &text[..at]);
}

#[test]
fn hostile_json_is_refused_without_a_crash() {
    let deep = |open: &str| format!("{{\"id\":{}", open.repeat(200_000));
    for text in [
        deep("["),
        deep("{\"a\":"),
        format!("{{\"id\":\"{ID}\",\"payload\":\"\\ud800\"}}"),
        "{\"id\":\u{7f}}".into(),
    ] {
        assert_eq!(read(&text).unwrap_err().code.name(), "json-invalid");
    }
    let mut bytes = minimal().to_string().into_bytes();
    let at = bytes.len() - 3;
    bytes[at] = 0xff;
    let mut reader = EventReader::new(&bytes[..], Path::new("in.json"));
    assert_eq!(reader.read().unwrap_err().code.name(), "json-invalid", "not UTF-8");
}

#[test]
fn a_payload_has_its_limit() {
    let at_limit = with(json!({"payload": "x".repeat(1 << 20)}));
    assert!(read(&at_limit.to_string()).is_ok());
    let over = with(json!({"payload": "x".repeat((1 << 20) + 1)}));
    assert_eq!(read(&over.to_string()).unwrap_err().code.name(), "limit-exceeded");
}
