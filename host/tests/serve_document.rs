//! `/api/openapi.json` says what the node does: every answer that it documents is brought about, and
//! every body holds what its schema names and nothing else.

mod support {
    pub mod hostile;
    pub mod node;
    pub mod stream;
}

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use support::hostile::Plan;
use support::node::{Answer, Node, Start, event, id};

const JSON: &str = "application/json";
const WASM: &str = "application/wasm";

/// What takes a full disk, a node that ends, or too much or too slow at once: `serve_crash` and
/// `serve_hostile` bring about those that matter.
const ELSEWHERE: [(&str, &str, &str); 13] = [
    ("get", "/readyz", "503"),
    ("post", "/api/events", "408"),
    ("post", "/api/events", "429"),
    ("post", "/api/events", "503"),
    ("post", "/api/events", "504"),
    ("post", "/api/incidents/{id}/resolve", "503"),
    ("post", "/api/kernels", "503"),
    ("post", "/api/kernels/rollback", "409"),
    ("post", "/api/kernels/rollback", "503"),
    ("post", "/api/kernels/{hash}/diff", "503"),
    ("post", "/api/kernels/{hash}/swap", "503"),
    ("get", "/", "304"),
    ("get", "/api/stream", "503"),
];

/// The document, and which of its answers were seen.
struct Document {
    value: Value,
    seen: BTreeSet<(String, String, String)>,
}

impl Document {
    fn of(node: &Node) -> Self {
        let mut value = node.get("/api/openapi.json").ok();
        // What a schema does not name must not be there.
        for schema in value["components"]["schemas"].as_object_mut().unwrap().values_mut() {
            if schema.get("properties").is_some() {
                schema["additionalProperties"] = json!(false);
            }
        }
        Document { value, seen: BTreeSet::new() }
    }

    /// An answer of an operation: documented, and as documented.
    #[track_caller]
    fn holds(&mut self, method: &str, path: &str, answer: &Answer) {
        let status = answer.status.to_string();
        let text = String::from_utf8_lossy(&answer.body);
        let operation = &self.value["paths"][path][method];
        let documented = &operation["responses"][&status];
        assert!(documented.is_object(), "{method} {path} does not document {status}: {text}");
        if let Some(content) = documented.get("content") {
            let kind = answer.header("content-type").unwrap_or("none").split(';').next().unwrap();
            let content =
                content.get(kind).unwrap_or_else(|| panic!("{method} {path}: {kind} for {content}"));
            if kind == JSON {
                let schema = json!({ "allOf": [content["schema"]], "components": self.value["components"] });
                let validator = jsonschema::draft202012::new(&schema).unwrap();
                let errors: Vec<_> = validator.iter_errors(&answer.json()).map(|it| it.to_string()).collect();
                assert!(errors.is_empty(), "{method} {path} {status}: {errors:?}: {text}");
            }
        }
        self.seen.insert((method.to_owned(), path.to_owned(), status));
    }

    /// What is documented and was not seen.
    fn missing(&self) -> BTreeSet<(String, String, String)> {
        let mut missing = BTreeSet::new();
        for (path, operations) in self.value["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                for status in operation["responses"].as_object().unwrap().keys() {
                    missing.insert((method.clone(), path.clone(), status.clone()));
                }
            }
        }
        missing.difference(&self.seen).cloned().collect()
    }
}

#[test]
fn every_documented_answer_is_given_and_is_as_documented() {
    let node =
        Start::default().arg(&["--batch-size", "1", "--snapshot-events", "2", "--protect-reads"]).node();
    let mut document = Document::of(&node);
    let reader = token(&node, "reader", "read");
    let writer = token(&node, "writer", "append");
    // Tokens are read at a start.
    let folder = std::sync::Arc::clone(&node.folder);
    node.stop();
    let node = Start::default()
        .on(&folder)
        .arg(&["--batch-size", "1", "--snapshot-events", "2", "--protect-reads"])
        .node();

    writing(&node, &mut document, &reader);
    kernels(&node, &mut document, &reader);
    reading(&node, &mut document, &reader, &writer);

    let elsewhere =
        ELSEWHERE.map(|(method, path, status)| (method.to_owned(), path.to_owned(), status.to_owned()));
    let mut missing = document.missing();
    // Who comes second of two has to wait: which of them that is, is chance.
    for path in ["/api/kernels/{hash}/diff", "/api/kernels/{hash}/swap"] {
        missing.remove(&("post".to_owned(), path.to_owned(), "409".to_owned()));
    }
    assert_eq!(missing, BTreeSet::from(elsewhere));
}

fn writing(node: &Node, document: &mut Document, reader: &str) {
    let path = "/api/events";
    let mut post = |query: &str, kind: &str, body: &[u8]| {
        let answer = node.post(&format!("{path}{query}"), kind, body);
        document.holds("post", path, &answer);
    };
    let one = event(1, 1, "one").to_string();
    post("?log=a&wait=certified", JSON, one.as_bytes());
    let other = json!({ "id": id(1, 1), "node": 1, "lamport": "1", "payload": "other" });
    post("?log=b&wait=certified", JSON, other.to_string().as_bytes());
    for number in 2..6 {
        post("?log=a&wait=certified", JSON, event(1, number, "more").to_string().as_bytes());
    }
    post("", JSON, b"{");
    post("", JSON, &vec![b' '; (16 << 20) + 1]);
    post("", "text/css", one.as_bytes());
    refused(node, document, reader, path, path, JSON);

    let path = "/api/incidents/{id}/resolve";
    let mut resolve = |number: &str, kind: &str, body: &[u8]| {
        let answer = node.post(&path.replace("{id}", number), kind, body);
        document.holds("post", path, &answer);
    };
    resolve("1", JSON, b"no JSON");
    resolve("1", JSON, br#"{"action":"forget"}"#);
    resolve("1", "text/plain", br#"{"action":"dismiss"}"#);
    resolve("7", JSON, br#"{"action":"dismiss"}"#);
    resolve("one", JSON, br#"{"action":"dismiss"}"#);
    resolve("1", JSON, br#"{"action":"dismiss","note":"because"}"#);
    resolve("1", JSON, br#"{"action":"dismiss"}"#);
    refused(node, document, reader, path, "/api/incidents/1/resolve", JSON);
}

/// What those hear who may not.
fn refused(node: &Node, document: &mut Document, reader: &str, path: &str, at: &str, kind: &str) {
    for who in ["", "Basic abc", "Bearer nobody", &format!("Bearer {reader}")] {
        let answer = node.post_as(who, at, kind, b"{}").unwrap();
        assert_eq!(answer.status, if who.contains(reader) { 403 } else { 401 });
        assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401);
        document.holds("post", path, &answer);
    }
}

fn kernels(node: &Node, document: &mut Document, reader: &str) {
    let embedded = node.get_as(&node.token, "/api/status").ok()["kernel_hash"].as_str().unwrap().to_owned();
    let ours = node.get(&format!("/kernels/{embedded}.wasm")).body;
    let benign = [&ours[..], &[0, 6, 5], b"hello"].concat();
    let trapping = Plan {
        bodies: &[("reconcile", "unreachable"), ("finish", "unreachable"), ("describe", "unreachable")],
        ..Plan::default()
    }
    .component();
    let mut post = |path: &str, hash: &str, kind: &str, body: &[u8]| {
        let answer = node.post(&path.replace("{hash}", hash), kind, body);
        document.holds("post", path, &answer);
        answer
    };
    let (add, rollback) = ("/api/kernels", "/api/kernels/rollback");
    let (diff, swap) = ("/api/kernels/{hash}/diff", "/api/kernels/{hash}/swap");
    let added = post(add, "", WASM, &benign).ok()["hash"].as_str().unwrap().to_owned();
    post(add, "", WASM, b"no component").problem(400, "kernel-invalid");
    post(add, "", WASM, &trapping).problem(422, "kernel-trapped");
    assert_eq!(post(add, "", WASM, &vec![0; (16 << 20) + 1]).status, 413);
    // One that says what ours says, and cannot judge: the registry is a folder.
    let foreign = Plan::default().component();
    let foreign_hash = blake3::hash(&foreign).to_hex().to_string();
    std::fs::write(node.path(&format!("kernels/{foreign_hash}.wasm")), &foreign).unwrap();
    let trapping_hash = blake3::hash(&trapping).to_hex().to_string();
    std::fs::write(node.path(&format!("kernels/{trapping_hash}.wasm")), &trapping).unwrap();
    let inspect = "/api/kernels/{hash}";
    for hash in [&embedded, &trapping_hash, &"0".repeat(64)] {
        let answer = node.get_as(reader, &inspect.replace("{hash}", hash));
        document.holds("get", inspect, &answer);
    }
    let mut post = |path: &str, hash: &str, kind: &str, body: &[u8]| {
        let answer = node.post(&path.replace("{hash}", hash), kind, body);
        document.holds("post", path, &answer);
        answer
    };
    assert_eq!(post(rollback, "", JSON, b"").status, 400);
    post(diff, &added, JSON, b"").ok();
    post(diff, &"0".repeat(64), JSON, b"").problem(404, "not-found");
    assert_eq!(post(diff, &trapping_hash, JSON, b"").status, 422);
    post(swap, &added, JSON, b"{").problem(400, "json-invalid");
    assert_eq!(post(swap, &added, JSON, br#"{"refuse":[]}"#).status, 422);
    assert_eq!(post(swap, &added, "text/plain", b"{}").status, 415);
    post(swap, &"0".repeat(64), JSON, b"{}").problem(404, "not-found");
    assert_eq!(post(swap, &embedded, JSON, b"{}").status, 400);
    // Two at once: one has to wait. Which one is a matter of moments, so it is tried until all was seen.
    let mut seen: BTreeSet<(&str, u16)> = BTreeSet::new();
    for _ in 0..50 {
        let ask = |path: &str| node.post(&path.replace("{hash}", &added), JSON, b"{}");
        let mut answers = std::thread::scope(|scope| {
            let swapping = scope.spawn(move || ask(swap));
            let mut answers = Vec::new();
            while !swapping.is_finished() {
                std::thread::sleep(std::time::Duration::from_millis(5));
                answers.extend([(diff, ask(diff)), (swap, ask(swap))]);
            }
            answers.push((swap, swapping.join().unwrap()));
            answers
        });
        answers.push((rollback, ask(rollback)));
        answers.iter().for_each(|(path, answer)| document.holds("post", path, answer));
        seen.extend(answers.iter().map(|(path, answer)| (*path, answer.status)));
        if [(diff, 409), (swap, 409), (swap, 200), (rollback, 200)].iter().all(|wanted| seen.contains(wanted))
        {
            break;
        }
    }
    assert!(seen.contains(&(rollback, 200)), "{seen:?}");
    refused(node, document, reader, add, add, WASM);
    for path in [diff, swap] {
        refused(node, document, reader, path, &path.replace("{hash}", &added), JSON);
    }
    refused(node, document, reader, rollback, rollback, JSON);
}

fn reading(node: &Node, document: &mut Document, reader: &str, writer: &str) {
    let hash = node.get_as(reader, "/api/status").ok()["kernel_hash"].as_str().unwrap().to_owned();
    let paths: BTreeMap<&str, Vec<String>> = [
        ("/", vec![]),
        ("/api/cert.log", vec![]),
        ("/api/certificates", vec!["?from=1&limit=2", "?limit=many"]),
        ("/api/certificates/{certificate}", vec!["1", "one", "999"]),
        ("/api/certificates/{certificate}/events", vec!["1/events", "x/events", "999/events"]),
        ("/api/certificates/{certificate}/logs/{log}", vec!["1/logs/0", "1/logs/x", "1/logs/7"]),
        ("/api/events/{id}", vec!["\0", "x", "00000000000000000000000000000099"]),
        ("/api/incidents", vec!["?open=false", "?open=maybe"]),
        ("/api/incidents/{id}", vec!["1", "x", "9"]),
        ("/api/kernels", vec![]),
        ("/api/kernels/{hash}", vec![]),
        ("/api/snapshots", vec![]),
        ("/api/snapshots/{height}", vec!["\0", "x", "7777"]),
        ("/api/status", vec![]),
        ("/api/stream", vec!["?after=x"]),
        ("/healthz", vec![]),
        ("/kernels/{name}", vec!["none.wasm"]),
        ("/metrics", vec![]),
        ("/readyz", vec![]),
    ]
    .map(|(path, cases)| (path, cases.into_iter().map(str::to_owned).collect()))
    .into();
    let snapshots = node.get_as(reader, "/api/snapshots").ok();
    let snapshot = snapshots["snapshots"][0]["height"].as_str().unwrap().to_owned();
    for (path, cases) in paths {
        let open = ["/", "/healthz", "/readyz", "/kernels/{name}"].contains(&path);
        let base = path.split('{').next().unwrap();
        let mut at: Vec<String> =
            cases.iter().map(|case| format!("{base}{}", case.replace('\0', ""))).collect();
        match path {
            "/api/events/{id}" => at[0].push_str(&id(1, 1)),
            "/api/snapshots/{height}" => at[0].push_str(&snapshot),
            "/kernels/{name}" => at.push(format!("{base}{hash}.wasm")),
            "/api/kernels/{hash}" => at.push(format!("{base}{hash}")),
            "/api/stream" | "/api/certificates" | "/api/incidents" => {}
            _ if !path.contains('{') => at.push(path.to_owned()),
            _ => {}
        }
        for at in &at {
            document.holds("get", path, &node.get_as(reader, at));
        }
        // Without a token, and with one that only writes.
        let at = at.first().unwrap();
        for (answer, status) in [(node.get(at), 401), (node.get_as(writer, at), 403)] {
            assert!(open || answer.status == status, "{at}: {}", answer.status);
            document.holds("get", path, &answer);
        }
    }
    // The stream never ends; its beginning is enough.
    document.holds("get", "/api/stream", &support::stream::beginning(node, reader, "/api/stream"));
}

/// Makes a token as an operator does who edits the file; gives it.
fn token(node: &Node, name: &str, scope: &str) -> String {
    let secret = format!("omega_{name}");
    let path = node.path("tokens.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    let hash = blake3::hash(secret.as_bytes()).to_hex();
    text.push_str(&format!("\n[[token]]\nname = \"{name}\"\nhash = \"{hash}\"\nscopes = [\"{scope}\"]\n"));
    std::fs::write(path, text).unwrap();
    secret
}
