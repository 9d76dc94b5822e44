//! Compiling strangers' components in a process of its own, under limits.
//!
//! A compiler given hostile input can take any amount of time and memory. The child limits itself
//! before it reads a byte: address space, processor time, files, core dumps. It reads the
//! component from its input and writes the machine code to its output; what it may not have ends
//! it, and nothing else. It bounds what compiling takes; that the code does what the component
//! says is Wasmtime's promise, here as in process.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use super::cache::Artifact;
use super::limits::Limits;
use super::{Execution, Options, wasm};
use crate::failure::{Failure, HostCode};

/// The hidden subcommand by which this program becomes the compiler.
pub const SUBCOMMAND: &str = "__compile";

/// Exit code of a compiler that found the component invalid; its error output says why.
const INVALID: u8 = 3;
/// Machine code is at most so many times as large as its component, and a little more.
const EXPANSION: u64 = 64;

/// Compiles a component.
pub(super) fn compile(component: &[u8], options: &Options) -> Result<Artifact, Failure> {
    let limits = &options.limits;
    let program = match &options.compiler {
        Some(program) => program.clone(),
        None => own_program()?,
    };
    let cannot_start =
        |error: io::Error| Failure::internal(format!("the compiler process could not be run: {error}"));
    let mut child = Command::new(program)
        .arg(SUBCOMMAND)
        .arg(match options.execution {
            Execution::Cranelift => "cranelift",
            Execution::Pulley => "pulley",
        })
        .arg(limits.compiler_memory_bytes.to_string())
        .arg(limits.compiler_time.as_secs().max(1).to_string())
        .arg(limits.stack_bytes.to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot_start)?;
    let output_limit = (component.len() as u64).saturating_mul(EXPANSION).saturating_add(16 << 20);
    let (code, complaint) = converse(&mut child, component, output_limit, limits.compiler_time);
    let status = child.wait().map_err(cannot_start)?;

    if code.is_none() || [Signal::XCPU, Signal::KILL].iter().any(|by| status.signal() == Some(by.as_raw())) {
        let message = format!("compiling the kernel took more than {} s", limits.compiler_time.as_secs());
        return Err(Failure::new(HostCode::KernelDeadline, message));
    }
    let code = code.unwrap_or_default();
    if status.success() && code.len() as u64 <= output_limit {
        return Ok(Artifact::just_compiled(code));
    }
    if status.code() == Some(INVALID.into()) {
        return Err(wasm::invalid(&complaint));
    }
    let message = format!("compiling the kernel takes more than it may have ({status})");
    Err(Failure::new(HostCode::KernelMemory, message))
}

/// Writes the component and reads both outputs, all at once; no code where time ran out.
fn converse(child: &mut Child, component: &[u8], limit: u64, time: Duration) -> (Option<Vec<u8>>, String) {
    let (mut input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // A child that stops reading has its reasons; its exit tells them.
            let _ = input.as_mut().map(|input| input.write_all(component));
        });
        let complaint = scope.spawn(move || String::from_utf8_lossy(&read_up_to(errors, 4096)).into_owned());
        let (send, receive) = mpsc::channel();
        scope.spawn(move || send.send(read_up_to(output, limit.saturating_add(1))));
        let code = receive.recv_timeout(time).ok();
        if code.as_ref().is_none_or(|code| code.len() as u64 > limit) {
            let _ = child.kill();
        }
        (code, complaint.join().unwrap_or_default())
    })
}

fn read_up_to(from: Option<impl Read>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = from.map(|from| from.take(limit).read_to_end(&mut bytes));
    bytes
}

fn own_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::internal(format!("this program cannot find itself: {error}")))
}

/// What the process does that [`SUBCOMMAND`] starts: called by `main` before anything else, with
/// the arguments after the subcommand.
pub fn child(arguments: &[OsString]) -> ExitCode {
    let arguments: Option<Vec<&str>> = arguments.iter().map(|argument| argument.to_str()).collect();
    let Some(&[execution, memory, seconds, stack]) = arguments.as_deref() else { return ExitCode::from(2) };
    let execution = match execution {
        "pulley" => Execution::Pulley,
        _ => Execution::Cranelift,
    };
    let (Ok(memory), Ok(seconds), Ok(stack_bytes)) = (memory.parse(), seconds.parse(), stack.parse()) else {
        return ExitCode::from(2);
    };
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 16),
        (Resource::Cpu, seconds),
        (Resource::As, memory),
    ] {
        if setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).is_err() {
            return ExitCode::FAILURE;
        }
    }
    let mut component = Vec::new();
    if io::stdin().read_to_end(&mut component).is_err() {
        return ExitCode::FAILURE;
    }
    let limits = Limits { stack_bytes, ..Limits::default() };
    match wasm::precompile(&component, execution, &limits) {
        Ok(code) if io::stdout().write_all(&code).is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let _ = write!(io::stderr(), "{error:#}");
            ExitCode::from(INVALID)
        }
    }
}
