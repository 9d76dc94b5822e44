//! The kernel as WebAssembly: compiled, held to its limits, called.
//!
//! Nothing is linked: a component that wants anything is refused before any of it runs. After a
//! trap or a limit an instance is never entered again.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use omega_kernel::bytes::Reader;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash::Hash;
use omega_kernel::limits::{MAX_BODY_BYTES, MAX_CHUNK_BYTES, MAX_LOGS};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Config, Engine, Store, Trap};

use super::cache::{Artifact, Cache};
use super::limits::{Exceeded, Limits, Meter};
use super::memory::{LargePages, REFUSED};
use super::session::{Judge, JudgedLog, Restore, Scan, Verdict};
use super::{COMPONENT_MAGIC, ChainPosition, Description, Error, Execution, Options, ScanPart, sandbox};
use crate::failure::{Failure, HostCode};
use bindings::KernelPre;
use bindings::exports::omega::kernel::{session as wit, types};

#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated: implements Wasmtime's unsafe traits")]
mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "kernel" });
}

/// How often the clock is looked at on a running kernel's behalf.
const TICK: Duration = Duration::from_millis(10);

/// Whose component it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Embedded: compiled in process.
    Ours,
    /// Anybody's: compiled in a process of its own.
    Stranger,
}

/// A compiled kernel.
pub(super) struct Program {
    engine: Engine,
    kernel: KernelPre<Meter>,
    limits: Limits,
    component_bytes: usize,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("component_bytes", &self.component_bytes).finish_non_exhaustive()
    }
}

impl Program {
    pub(super) fn compile(component: &[u8], origin: Origin, options: &Options) -> Result<Self, Failure> {
        let limits = match options.execution {
            Execution::Cranelift => options.limits.clone(),
            Execution::Pulley => options.limits.for_interpreter(),
        };
        refuse_what_is_no_component(component, &limits)?;
        let engine = engine(options.execution, &limits, LargePages::new(options.keep_memory))
            .map_err(|error| invalid(&error))?;
        let compiled = artifact(component, origin, options, &engine)?;
        let compiled = compiled.load(&engine).map_err(|error| invalid(&error))?;
        let kernel = link(&engine, &compiled)?;
        watch(&engine);
        Ok(Program { engine, kernel, limits, component_bytes: component.len() })
    }

    fn instance(self: &Arc<Self>) -> Result<Instance, Error> {
        let mut store = Store::new(&self.engine, Meter::new(self.limits.clone(), self.component_bytes));
        store.limiter(|meter| meter);
        store.set_hostcall_fuel(self.limits.output_bytes);
        store.epoch_deadline_trap();
        let mut failed = None;
        let bindings = timed(&mut store, &mut failed, 0, |store| self.kernel.instantiate(store))?;
        Ok(Instance { store, bindings, failed })
    }
}

/// Refuses what can be told from the first bytes and the size.
fn refuse_what_is_no_component(bytes: &[u8], limits: &Limits) -> Result<(), Failure> {
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    if bytes.len() > limits.component_bytes {
        let message =
            format!("it has {} bytes, and a kernel may have {}", bytes.len(), limits.component_bytes);
        return Err(invalid(&message));
    }
    match bytes.get(..8) {
        Some(start) if start == COMPONENT_MAGIC => Ok(()),
        Some(MODULE) => Err(invalid(&"it is a WebAssembly module, and a component was expected")),
        _ => Err(invalid(&"it is no WebAssembly component")),
    }
}

/// Machine code: kept from an earlier run, or made now.
fn artifact(
    component: &[u8],
    origin: Origin,
    options: &Options,
    engine: &Engine,
) -> Result<Artifact, Failure> {
    let cache = options.cache.as_deref().and_then(Cache::open);
    let entry = Cache::entry(component, engine);
    if let Some(kept) = cache.as_ref().and_then(|cache| cache.get(&entry)) {
        return Ok(kept);
    }
    let made = match origin {
        Origin::Ours => {
            Artifact::just_compiled(engine.precompile_component(component).map_err(|error| invalid(&error))?)
        }
        Origin::Stranger => sandbox::compile(component, options)?,
    };
    if let Some(cache) = cache {
        cache.put(&entry, &made);
    }
    Ok(made)
}

/// What the compiler process does.
pub(super) fn precompile(
    component: &[u8],
    execution: Execution,
    limits: &Limits,
) -> wasmtime::Result<Vec<u8>> {
    engine(execution, limits, LargePages::new(false))?.precompile_component(component)
}

/// Settings shape the machine code, so the compiler process must come to the same ones.
fn engine(execution: Execution, limits: &Limits, memory: LargePages) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    if execution == Execution::Pulley {
        config.target("pulley64")?;
    }
    config
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        // What a kernel computes is the same everywhere: no threads, no instruction whose result
        // the machine chooses.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .wasm_backtrace_max_frames(None);
    config.with_host_memory(Arc::new(memory)).memory_init_cow(false);
    Engine::new(&config)
}

/// Checks imports and exports against the contract.
fn link(engine: &Engine, component: &Component) -> Result<KernelPre<Meter>, Failure> {
    let wanted: Vec<_> =
        component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect();
    if !wanted.is_empty() {
        return Err(invalid(&format!("it wants {}, and a kernel may want nothing", wanted.join(", "))));
    }
    let linked = Linker::new(engine).instantiate_pre(component).map_err(|error| invalid(&error))?;
    KernelPre::new(linked).map_err(|error| invalid(&error))
}

pub(super) fn invalid(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(HostCode::KernelInvalid, format!("this is not a kernel: {why:#}"))
        .hint("a kernel is a component that exports omega:kernel@1.0.0 and imports nothing")
}

/// Advances the engine's clock for as long as the engine lives.
fn watch(engine: &Engine) {
    let engine = engine.weak();
    thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    });
}

/// One instance of a kernel: memory of its own, an account of its own.
struct Instance {
    store: Store<Meter>,
    bindings: bindings::Kernel,
    failed: Option<Failure>,
}

impl Instance {
    /// Calls into the kernel with `bytes` of input.
    fn call<T>(
        &mut self,
        bytes: usize,
        call: impl FnOnce(&mut Store<Meter>, &wit::Guest) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        let guest = self.bindings.omega_kernel_session();
        timed(&mut self.store, &mut self.failed, bytes, |store| call(store, guest))
    }

    /// Calls a function that can return a fault.
    fn ask<T>(
        &mut self,
        bytes: usize,
        call: impl FnOnce(&mut Store<Meter>, &wit::Guest) -> wasmtime::Result<Result<T, types::Fault>>,
    ) -> Result<T, Error> {
        self.call(bytes, call)?.map_err(fault_in)
    }

    /// Reads up to the end what the kernel hands out in chunks, at most `total` bytes.
    fn drain(
        &mut self,
        total: u64,
        read: impl Fn(&mut Store<Meter>, &wit::Guest, u32) -> wasmtime::Result<Result<Vec<u8>, types::Fault>>,
    ) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while (all.len() as u64) < total {
            let rest = total - all.len() as u64;
            let max = rest.min(MAX_CHUNK_BYTES.into()) as u32;
            let chunk = self.ask(max as usize, |store, guest| read(store, guest, max))?;
            if chunk.is_empty() {
                return Err(against_contract("it returned less than it announced"));
            }
            all.extend_from_slice(chunk_in(&chunk, max)?);
        }
        Ok(all)
    }
}

/// Runs a call on the instance's time, and puts its end into words.
fn timed<T>(
    store: &mut Store<Meter>,
    failed: &mut Option<Failure>,
    bytes: usize,
    call: impl FnOnce(&mut Store<Meter>) -> wasmtime::Result<T>,
) -> Result<T, Error> {
    if let Some(failure) = failed {
        return Err(failure.clone().into());
    }
    store.data_mut().grant(bytes);
    let ticks = store.data().time_left().as_millis() / TICK.as_millis();
    store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX / 2).saturating_add(1));
    let begun = Instant::now();
    let result = call(store);
    store.data_mut().spend(begun.elapsed());
    result.map_err(|error| failed.insert(failure_of(&error)).clone().into())
}

fn failure_of(error: &wasmtime::Error) -> Failure {
    if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        return exceeded.into();
    }
    let refused = match error.downcast_ref::<std::io::Error>() {
        Some(error) => Some(format!("{REFUSED}: {error}")),
        None => Some(error.to_string()).filter(|words| words.starts_with(REFUSED)),
    };
    if let Some(message) = refused {
        return Failure::new(HostCode::KernelMemory, message)
            .hint("Look at the limits on memory: `ulimit -a`.");
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Failure::new(HostCode::KernelDeadline, "the kernel ran past its deadline"),
        Some(trap) => Failure::new(HostCode::KernelTrapped, format!("the kernel trapped: {trap}")),
        None => Failure::new(
            HostCode::KernelOutput,
            format!("the kernel returned more than it may, or not what the contract says: {error}"),
        ),
    }
}

fn against_contract(what: &str) -> Error {
    Error::against_contract(what)
}

fn fault_in(fault: types::Fault) -> Error {
    Error::stated(fault.number, fault.log, fault.offset, &fault.message)
}

fn chunk_in(chunk: &[u8], max: u32) -> Result<&[u8], Error> {
    if chunk.len() as u64 > u64::from(max) {
        Err(against_contract("it returned more than was asked for"))
    } else {
        Ok(chunk)
    }
}

fn hash_in(bytes: &[u8]) -> Result<[u8; 32], Error> {
    bytes.try_into().map_err(|_| against_contract("a hash must have 32 bytes"))
}

fn position_in(position: types::ChainPosition) -> Result<ChainPosition, Error> {
    Ok(ChainPosition { chain_id: hash_in(&position.chain_id)?, height: position.height })
}

pub(super) fn describe(program: &Arc<Program>) -> Result<Description, Error> {
    let said = program.instance()?.call(0, |store, guest| guest.call_describe(store))?;
    Ok(Description {
        checker_version: said.checker_version,
        schema_version: said.schema_version,
        state_format: said.state_format,
        schemas: said.schemas.iter().map(|hash| hash_in(hash)).collect::<Result<_, _>>()?,
        predicates: hash_in(&said.predicates)?,
    })
}

pub(super) fn rejudge(program: &Arc<Program>, certificate: &[u8]) -> Result<(), Error> {
    let Instance { mut store, bindings, mut failed } = program.instance()?;
    let guest = bindings.omega_kernel_certificates();
    timed(&mut store, &mut failed, certificate.len(), |store| guest.call_rejudge(store, certificate))?
        .map_err(fault_in)
}

/// A session in an instance of its own.
pub(super) struct Session {
    instance: Instance,
    session: ResourceAny,
}

impl Session {
    pub(super) fn genesis(program: &Arc<Program>) -> Result<Self, Error> {
        let mut instance = program.instance()?;
        let session = instance.call(0, |store, guest| guest.session().call_constructor(store))?;
        Ok(Session { instance, session })
    }
}

impl Judge for Session {
    fn begin_batch(&mut self, logs: &[Option<u64>]) -> Result<(), Error> {
        self.instance.store.data_mut().renew();
        let logs: Vec<_> = logs.iter().map(|&limit| types::LogInput { limit }).collect();
        let session = self.session;
        self.instance.ask(0, |store, guest| guest.session().call_begin_batch(store, session, &logs))
    }

    fn feed(&mut self, log: u32, bytes: &[u8]) -> Result<(), Error> {
        let session = self.session;
        self.instance
            .ask(bytes.len(), |store, guest| guest.session().call_feed(store, session, log, bytes))
            .map(drop)
    }

    fn absorb(&mut self, log: u32, run: &[u8]) -> Result<(), Error> {
        let session = self.session;
        self.instance.ask(run.len(), |store, guest| guest.session().call_absorb(store, session, log, run))
    }

    fn finish(&mut self) -> Result<Verdict, Error> {
        let session = self.session;
        let verdict = self.instance.ask(0, |store, guest| guest.session().call_finish(store, session))?;
        if verdict.body_bytes > MAX_BODY_BYTES || verdict.logs.len() as u64 > u64::from(MAX_LOGS) {
            return Err(against_contract("the body is larger than a body may be"));
        }
        let read = |store: &mut Store<Meter>, guest: &wit::Guest, max| {
            guest.session().call_read_body(store, session, max)
        };
        let body = self.instance.drain(verdict.body_bytes.into(), read)?;
        let log_in = |log: wit::JudgedLog| JudgedLog {
            position: log.position,
            events: log.events,
            bytes_used: log.bytes_used,
        };
        Ok(Verdict { merged: verdict.merged, body, logs: verdict.logs.into_iter().map(log_in).collect() })
    }

    fn abort(&mut self) -> Result<(), Error> {
        let session = self.session;
        self.instance.call(0, |store, guest| guest.session().call_abort(store, session))
    }

    fn state(&mut self) -> Result<StateCommitment, Error> {
        let session = self.session;
        let packed = self.instance.call(0, |store, guest| guest.session().call_state(store, session))?;
        let malformed = || against_contract("a state commitment has another shape");
        let mut reader = Reader::new(&packed);
        let state = StateCommitment::read(&mut reader).map_err(|_| malformed())?;
        reader.end().map_err(|_| malformed())?;
        Ok(state)
    }

    fn begin_snapshot(&mut self, position: Option<ChainPosition>) -> Result<u64, Error> {
        let position = position.map(|position| types::ChainPosition {
            chain_id: position.chain_id.to_vec(),
            height: position.height,
        });
        let session = self.session;
        self.instance
            .ask(0, |store, guest| guest.session().call_begin_snapshot(store, session, position.as_ref()))
    }

    fn read_snapshot(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        let session = self.session;
        let read = |store: &mut Store<Meter>, guest: &wit::Guest| {
            guest.session().call_read_snapshot(store, session, max)
        };
        let chunk = self.instance.ask(max as usize, read)?;
        chunk_in(&chunk, max)?;
        Ok(chunk)
    }

    fn prove_id(&mut self, id: u128, certificate: &Hash) -> Result<Vec<u8>, Error> {
        let (session, id) = (self.session, id.to_le_bytes());
        self.instance.ask(0, |store, guest| guest.session().call_prove_id(store, session, &id, certificate))
    }

    fn prove_event(&mut self, id: u128, certificate: &Hash) -> Result<Vec<Vec<u8>>, Error> {
        let (session, id) = (self.session, id.to_le_bytes());
        self.instance
            .ask(0, |store, guest| guest.session().call_prove_event(store, session, &id, certificate))
    }
}

/// A scanner in an instance of its own.
pub(super) struct Scanner {
    instance: Instance,
    scanner: ResourceAny,
    run_bytes: u64,
}

impl Scanner {
    pub(super) fn new(program: &Arc<Program>, part: &ScanPart) -> Result<Self, Error> {
        let mut instance = program.instance()?;
        let scanner = scanner_of(&mut instance, part)?;
        Ok(Scanner { instance, scanner, run_bytes: 0 })
    }
}

fn scanner_of(instance: &mut Instance, part: &ScanPart) -> Result<ResourceAny, Error> {
    let part = wit::ScanPart { log: part.log, offset: part.offset, limit: part.limit };
    instance.call(0, |store, guest| guest.scanner().call_constructor(store, part))
}

impl Scan for Scanner {
    fn begin(&mut self, part: &ScanPart) -> Result<(), Error> {
        self.instance.store.data_mut().renew();
        let before = self.scanner;
        self.instance.call(0, |store, _| before.resource_drop(store))?;
        self.scanner = scanner_of(&mut self.instance, part)?;
        self.run_bytes = 0;
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let scanner = self.scanner;
        self.instance.ask(bytes.len(), |store, guest| guest.scanner().call_push(store, scanner, bytes))
    }

    fn end(&mut self, last: bool) -> Result<u64, Error> {
        let scanner = self.scanner;
        self.run_bytes =
            self.instance.ask(0, |store, guest| guest.scanner().call_end(store, scanner, last))?;
        Ok(self.run_bytes)
    }

    fn read(&mut self, max: u32) -> Result<Vec<u8>, Error> {
        let scanner = self.scanner;
        let chunk =
            self.instance.ask(max as usize, |store, guest| guest.scanner().call_read(store, scanner, max))?;
        // A run cannot go on for ever: it ends where the kernel said that it would.
        self.run_bytes = self
            .run_bytes
            .checked_sub(chunk_in(&chunk, max)?.len() as u64)
            .ok_or_else(|| against_contract("a run is longer than announced"))?;
        Ok(chunk)
    }
}

/// A snapshot on its way into an instance.
pub(super) struct Restorer {
    instance: Instance,
    restorer: ResourceAny,
}

impl Restorer {
    pub(super) fn new(program: &Arc<Program>) -> Result<Self, Error> {
        let mut instance = program.instance()?;
        let restorer = instance.call(0, |store, guest| guest.restorer().call_constructor(store))?;
        Ok(Restorer { instance, restorer })
    }
}

impl Restore for Restorer {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let restorer = self.restorer;
        self.instance.ask(bytes.len(), |store, guest| guest.restorer().call_push(store, restorer, bytes))
    }

    fn finish(self: Box<Self>) -> Result<(Box<dyn Judge>, Option<ChainPosition>), Error> {
        let Restorer { mut instance, restorer } = *self;
        let (session, position) =
            instance.ask(0, |store, guest| guest.session().call_restore(store, restorer))?;
        Ok((Box::new(Session { instance, session }), position.map(position_in).transpose()?))
    }
}
