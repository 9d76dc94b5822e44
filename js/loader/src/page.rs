//! The platform that JavaScript brings: its kernels and their sessions.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, BigInt, Uint8Array};
use omega_kernel::bytes::Reader;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash::Hash;
use omega_kernel::limits::MAX_LOGS;
use omega_verify::failure::{Code, Failure, HostCode};
use omega_verify::hex;
use omega_verify::kind::{self, START_BYTES};
use omega_verify::platform::{Description, Error, Judged, JudgedLog, Log, Platform, Source, lowest};
use omega_verify::report::Report;
use wasm_bindgen::{JsCast, JsValue};

use crate::ask::{ask, bytes, call, get, given, number, whole};
use crate::end::End;
use crate::failure::thrown;
use crate::request::{self, Files};
use crate::source::Readable;

/// What all parts of one run share.
#[derive(Clone)]
pub struct Shared(Rc<Inner>);

struct Inner {
    platform: JsValue,
    fed: Cell<u64>,
    /// What ended the whole work.
    ended: RefCell<Option<JsValue>>,
}

impl Shared {
    /// Counts bytes that a kernel was given, and says so.
    pub fn fed(&self, bytes: u32) {
        self.0.fed.set(self.0.fed.get().saturating_add(bytes.into()));
        if get(&self.0.platform, "progress").is_function() {
            // A bar that cannot be drawn keeps nothing from being judged.
            let _ = call(&self.0.platform, "progress", &[JsValue::from(self.0.fed.get() as f64)]);
        }
    }

    /// What was thrown, as a failure.
    pub fn failure(&self, error: &JsValue) -> Failure {
        self.error(error).into()
    }

    fn error(&self, error: &JsValue) -> Error {
        let told = thrown(error);
        if let Error::Failure(Failure { code: Code::Host(HostCode::Interrupted), .. }) = &told {
            self.0.ended.borrow_mut().get_or_insert_with(|| error.clone());
        }
        told
    }

    /// Asks an object for something, unless the work was ended.
    async fn ask(&self, this: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, Error> {
        let ended = self.0.ended.borrow().clone();
        if let Some(error) = ended {
            return Err(thrown(&error));
        }
        ask(this, name, arguments).await.map_err(|error| self.error(&error))
    }
}

/// Verifies and answers, or breaks with what ended the work.
pub async fn verify(given: &JsValue, platform: &JsValue) -> Result<JsValue, JsValue> {
    let inner = Inner { platform: platform.clone(), fed: Cell::new(0), ended: RefCell::new(None) };
    let shared = Shared(Rc::new(inner));
    let mut page = Page::new(&shared);
    let result = match request::read(given, &shared, &mut page.files) {
        Ok(request) => omega_verify::verify(request, &mut page).await,
        Err(failure) => Err(failure),
    };
    let ended = shared.0.ended.borrow().clone();
    if let Some(error) = ended {
        return Err(error);
    }
    crate::answer(&match result {
        Ok(verified) => omega_verify::report(&verified),
        Err(failure) => Report::failed("verify", &page.advised(failure).await),
    })
}

struct Page {
    shared: Shared,
    hashes: Vec<Hash>,
    ready: Vec<(Hash, JsValue)>,
    files: Files,
}

impl Page {
    fn new(shared: &Shared) -> Self {
        let kernels = get(&shared.0.platform, "kernels");
        let listed = if Array::is_array(&kernels) { Array::from(&kernels) } else { Array::new() };
        let hashes = listed.iter().filter_map(|hash| hex::bytes32(&hash.as_string()?)).collect();
        Page { shared: shared.clone(), hashes, ready: Vec::new(), files: Files::default() }
    }

    /// A failure about a file of another kind, with a hint that says so; any other as it is.
    async fn advised(&self, failure: Failure) -> Failure {
        let Some(file) = failure.file.clone() else { return failure };
        let Some(start) = self.start(&file).await else { return failure };
        match kind::advice(failure.code, &file, &start) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    async fn session(&self, kernel: &JsValue) -> Result<Session, Error> {
        self.shared.ask(kernel, "session", &[]).await.map(Session)
    }

    async fn restored(&self, kernel: &JsValue, pieces: JsValue) -> Result<Session, Error> {
        let restored = self.shared.ask(kernel, "restore", &[pieces]).await?;
        if !Array::is_array(&restored) {
            return Err(Error::against_contract("what was restored is no pair"));
        }
        Ok(Session(Array::from(&restored).get(0)))
    }

    /// One batch, fed in the caller's order.
    async fn batch(&self, session: &Session, logs: &[Log<'_, Readable>]) -> Result<Judged, Error> {
        let limit =
            |log: &Log<'_, _>| log.limit.map_or(JsValue::UNDEFINED, |limit| BigInt::from(limit).into());
        let limits: Array = logs.iter().map(limit).collect();
        self.shared.ask(&session.0, "beginBatch", &[limits.into()]).await?;
        for (index, log) in (0u32..).zip(logs) {
            let mut end = End::of(log);
            let feed = async |piece: Uint8Array| {
                let bytes = piece.length();
                let events = self.shared.ask(&session.0, "feed", &[index.into(), piece.into()]).await?;
                let events = whole(&events)
                    .ok_or_else(|| Error::against_contract("it is not told how many events were read"))?;
                end.wants_more(events, bytes)
            };
            log.source.each(feed).await?;
        }
        let verdict = self.shared.ask(&session.0, "finish", &[]).await?;
        let body = bytes(&verdict, "body").ok_or_else(|| Error::against_contract("a verdict has no body"))?;
        let judged = get(&verdict, "logs");
        let judged = if Array::is_array(&judged) { Array::from(&judged) } else { Array::new() };
        let read = |log: JsValue| {
            Some(JudgedLog { events: number(&log, "events")?, bytes_used: number(&log, "bytesUsed")? })
        };
        let judged: Option<Vec<JudgedLog>> = judged.iter().map(read).collect();
        match judged.filter(|judged| judged.len() == logs.len()) {
            Some(logs) => Ok(Judged { body, logs }),
            None => Err(Error::against_contract("a verdict is about other logs than were fed")),
        }
    }

    /// What is wrong with one log by itself. A stream cannot be read again, and is not looked at.
    async fn alone(&self, kernel: &JsValue, log: Log<'_, Readable>) -> Result<(), Error> {
        if !log.source.rereadable() {
            return Ok(());
        }
        let session = self.session(kernel).await?;
        self.batch(&session, &[log]).await.map(drop)
    }
}

impl Platform for Page {
    type Source = Readable;
    type Kernel = JsValue;
    type Session = Session;

    async fn start(&self, name: &str) -> Option<Vec<u8>> {
        if let Some((_, start)) = self.files.starts.iter().find(|(known, _)| known == name) {
            return Some(start.clone());
        }
        let (_, handle) = self.files.sources.iter().find(|(known, _)| known == name)?;
        let arguments = [JsValue::from(0), JsValue::from(START_BYTES as f64)];
        let start = self.shared.ask(handle, "readAt", &arguments).await.ok()?;
        Some(given(start, "what was read").ok()?.to_vec())
    }

    fn holds(&self, hash: &Hash) -> bool {
        self.hashes.contains(hash)
    }

    async fn kernel(&mut self, hash: &Hash) -> Result<JsValue, Failure> {
        if let Some((_, kernel)) = self.ready.iter().find(|(known, _)| known == hash) {
            return Ok(kernel.clone());
        }
        let kernel = self.shared.ask(&self.shared.0.platform, "kernel", &[hex::encode(hash).into()]).await?;
        self.ready.push((*hash, kernel.clone()));
        Ok(kernel)
    }

    async fn describe(&mut self, kernel: &JsValue) -> Result<Description, Failure> {
        let said = self.shared.ask(kernel, "describe", &[]).await?;
        description(&said).ok_or_else(|| Error::against_contract("its description has another shape").into())
    }

    async fn rejudge(&mut self, kernel: &JsValue, certificate: &[u8]) -> Result<(), Failure> {
        self.shared.ask(kernel, "rejudge", &[Uint8Array::from(certificate).into()]).await?;
        Ok(())
    }

    async fn genesis(&mut self, kernel: &JsValue) -> Result<Session, Failure> {
        Ok(self.session(kernel).await?)
    }

    async fn restore(&mut self, kernel: &JsValue, snapshot: &Readable) -> Result<Session, Failure> {
        let restored = self.restored(kernel, snapshot.pieces()?).await;
        restored.map_err(|error| Failure::from(error).file(&*snapshot.name()))
    }

    async fn carry(&mut self, from: &mut Session, kernel: &JsValue) -> Result<Session, Failure> {
        let pieces = call(&from.0, "snapshot", &[]).map_err(|error| self.shared.failure(&error))?;
        let restored = self.restored(kernel, pieces).await;
        restored.map_err(|error| Failure::from(error).file("the state so far"))
    }

    async fn state(&mut self, session: &mut Session) -> Result<StateCommitment, Failure> {
        let packed =
            given(self.shared.ask(&session.0, "state", &[]).await?, "a state").map_err(Failure::from)?;
        let packed = packed.to_vec();
        let mut reader = Reader::new(&packed);
        let state = StateCommitment::read(&mut reader).and_then(|state| reader.end().map(|()| state));
        state.map_err(|_| Error::against_contract("a state commitment has another shape").into())
    }

    async fn judge(
        &mut self,
        kernel: &JsValue,
        session: &mut Session,
        logs: &[Log<'_, Readable>],
        _replay_seed: u64,
    ) -> Result<Judged, Failure> {
        // The schedule of the run that was signed is no part of the verdict: any other must give it too.
        let error = match self.batch(session, logs).await {
            Ok(judged) => return Ok(judged),
            Err(error) => error,
        };
        // Best effort: an instance that trapped cannot be entered any more.
        let _ = self.shared.ask(&session.0, "abort", &[]).await;
        match error {
            Error::Failure(failure) => Err(failure),
            Error::Fault(fault) => {
                Err(lowest(fault, logs, async |index| self.alone(kernel, logs[index]).await).await)
            }
        }
    }
}

/// A kernel's session, disposed of when it is dropped.
pub struct Session(JsValue);

impl Drop for Session {
    fn drop(&mut self) {
        // One that trapped is gone already.
        let _ = call(&self.0, "dispose", &[]);
    }
}

fn description(said: &JsValue) -> Option<Description> {
    let version = |name| u32::try_from(number(said, name)?).ok();
    let schemas = get(said, "schemas");
    let hash = |value: &JsValue| Hash::try_from(value.dyn_ref::<Uint8Array>()?.to_vec()).ok();
    let listed = Array::is_array(&schemas).then(|| Array::from(&schemas))?;
    if listed.length() > MAX_LOGS {
        return None;
    }
    Some(Description {
        checker_version: version("checkerVersion")?,
        schema_version: version("schemaVersion")?,
        state_format: version("stateFormat")?,
        schemas: listed.iter().map(|value| hash(&value)).collect::<Option<_>>()?,
        predicates: hash(&get(said, "predicates"))?,
    })
}
