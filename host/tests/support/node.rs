//! A node as its users meet it: the built command on a free port, asked over HTTP.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;
use ureq::tls::TlsConfig;

/// Time for a start, and for an end. A machine that does much else at once is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that serves; it ends with this, whatever becomes of the test.
pub struct Node {
    pub url: String,
    /// What it said when it had started.
    pub started: Value,
    /// May do everything.
    pub token: String,
    pub folder: Arc<TempDir>,
    agent: Agent,
    child: Child,
    said: Arc<Mutex<String>>,
}

/// How a node is started.
#[derive(Default, Clone)]
pub struct Start {
    pub folder: Option<Arc<TempDir>>,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// What stands before the command: `sh -c 'ulimit …; exec "$@"' sh`.
    pub before: Vec<String>,
    /// Certificate that its clients trust.
    pub tls: Option<TlsConfig>,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Start {
    pub fn arg(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn on(mut self, folder: &Arc<TempDir>) -> Self {
        self.folder = Some(Arc::clone(folder));
        self
    }

    /// The process, and the folder that its data is in.
    fn spawn(&self) -> (Child, Arc<TempDir>) {
        let folder = self.folder.clone().unwrap_or_else(|| Arc::new(tempfile::tempdir().unwrap()));
        let mut words: Vec<String> = self.before.clone();
        words.extend([env!("CARGO_BIN_EXE_omega").to_owned(), "serve".to_owned()]);
        let child = Command::new(&words[0])
            .args(&words[1..])
            .args(["--data", "node", "--listen", "127.0.0.1:0"])
            .args(&self.args)
            .current_dir(folder.path())
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env_remove("OMEGA_KERNEL_MODE")
            .env_remove("RUST_LOG")
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        (child, folder)
    }

    /// A node that has started.
    #[track_caller]
    pub fn node(self) -> Node {
        let (mut child, folder) = self.spawn();
        let (said, lines) = listen(&mut child);
        let started = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            _ = child.kill();
            _ = child.wait();
            panic!("it did not start: {}", said.lock().unwrap());
        });
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE * 2));
        let config = match self.tls {
            Some(tls) => config.tls_config(tls).build(),
            None => config.build(),
        };
        // As the process sees it: it may have mounted its folder itself.
        let root = format!("/proc/{}/root{}", child.id(), folder.path().display());
        let token = std::fs::read_to_string(Path::new(&root).join("node/token")).unwrap_or_default();
        Node {
            url: started["url"].as_str().unwrap().to_owned(),
            token: token.trim().to_owned(),
            agent: Agent::new_with_config(config),
            started,
            folder,
            child,
            said,
        }
    }

    /// A start that is killed after a time, wherever it is then.
    pub fn killed_after(self, time: Duration) {
        let (mut child, _folder) = self.spawn();
        let _said = listen(&mut child);
        thread::sleep(time);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// A start that must fail: its exit code and its object.
    #[track_caller]
    pub fn refused(self) -> (i32, Value) {
        let (mut child, _folder) = self.spawn();
        let (said, _lines) = listen(&mut child);
        let (code, object) = ended(&mut child, &said);
        (code, object.unwrap_or_else(|| panic!("no object: {}", said.lock().unwrap())))
    }
}

/// Keeps what a node says, and tells of the line that says that it has started.
fn listen(child: &mut Child) -> (Arc<Mutex<String>>, Receiver<Value>) {
    let said = Arc::new(Mutex::new(String::new()));
    let (tell, lines) = channel();
    let (stderr, keep) = (child.stderr.take().unwrap(), Arc::clone(&said));
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let object: Value = serde_json::from_str(&line).unwrap_or_default();
            if object["url"].is_string() {
                _ = tell.send(object);
            }
            let mut said = keep.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    });
    (said, lines)
}

/// Waits for the end of a process.
#[track_caller]
fn ended(child: &mut Child, said: &Mutex<String>) -> (i32, Option<Value>) {
    let until = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > until {
            _ = child.kill();
            _ = child.wait();
            panic!("it did not end: {}", said.lock().unwrap());
        }
        thread::sleep(Duration::from_millis(5));
    };
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    (status.code().unwrap_or(-1), serde_json::from_str(&stdout).ok())
}

impl Node {
    /// A fresh one, as users start it.
    #[track_caller]
    pub fn new() -> Self {
        Start::default().node()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A file of its data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("node").join(name)
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Asks for something, without a token.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap()
    }

    pub fn try_get(&self, path: &str) -> Result<Answer, ureq::Error> {
        answer(self.agent.get(format!("{}{path}", self.url)).call()?)
    }

    pub fn get_as(&self, token: &str, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.url));
        answer(request.header("authorization", format!("Bearer {token}")).call().unwrap()).unwrap()
    }

    /// Sends something, with the token that may do everything.
    #[track_caller]
    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        self.try_post(path, kind, body).unwrap()
    }

    pub fn try_post(&self, path: &str, kind: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
        self.post_as(&format!("Bearer {}", self.token), path, kind, body)
    }

    /// As [`Node::try_post`], with another header `Authorization`; none where it is empty.
    pub fn post_as(&self, who: &str, path: &str, kind: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
        let mut request = self.agent.post(format!("{}{path}", self.url)).content_type(kind);
        if !who.is_empty() {
            request = request.header("authorization", who);
        }
        answer(request.send(body)?)
    }

    /// Events as JSON, judged when this returns.
    #[track_caller]
    pub fn certify(&self, log: &str, events: &Value) -> Value {
        let path = format!("/api/events?wait=certified&log={log}");
        self.post(&path, "application/json", events.to_string().as_bytes()).ok()
    }

    /// What it says of itself.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.get("/api/status").ok()
    }

    /// Ends it as an operator does; its object.
    #[track_caller]
    pub fn stop(self) -> Value {
        self.signal("TERM");
        self.end()
    }

    /// Waits for its end, which somebody else has asked for.
    #[track_caller]
    pub fn end(mut self) -> Value {
        let (code, object) = ended(&mut self.child, &self.said);
        assert_eq!(code, 0, "{object:?}\n{}", self.said());
        object.unwrap()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Kills it; gives its folder.
    pub fn kill(mut self) -> Arc<TempDir> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Arc::clone(&self.folder)
    }

    /// Runs the command in the folder that its data folder is in.
    #[track_caller]
    pub fn run(&self, args: &[&str], exit: i32) -> Value {
        run(self.folder.path(), args, exit)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the node said:\n{}", self.said());
        }
    }
}

/// Runs the command in a folder; its exit code must be this one.
#[track_caller]
pub fn run(folder: &Path, args: &[&str], exit: i32) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_omega"))
        .current_dir(folder)
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .env_remove("OMEGA_KERNEL_MODE")
        .args(args)
        .output()
        .unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let people = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{args:?}: {value:#}\n{people}");
    value
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").to_owned()));
    Ok(Answer {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: response.body_mut().with_config().limit(1 << 30).read_to_vec()?,
    })
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}: {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    /// The object of an answer that must be 200.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// A problem, with this status and code.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.json();
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{problem:#}");
        assert!(!problem["message"].as_str().unwrap().is_empty());
        problem
    }
}

/// An event of a writer, unlinked: its id tells writer and Lamport time.
pub fn event(node: u32, lamport: u64, payload: &str) -> Value {
    json!({ "id": id(node, lamport), "node": node, "lamport": lamport.to_string(), "payload": payload })
}

/// The id of such an event, in hex.
pub fn id(node: u32, lamport: u64) -> String {
    format!("{:032x}", u128::from(node) << 64 | u128::from(lamport))
}
