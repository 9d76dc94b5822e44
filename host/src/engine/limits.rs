//! What a kernel may use, and the meter that holds it to that.
//!
//! Time and memory are granted by the bytes that a kernel is given to work on, so a large honest
//! log passes and a small hostile one ends soon. None of it reaches a certified byte: a limit
//! gives a failure or nothing.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::failure::{Failure, HostCode};

/// What a kernel may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of all linear memories together, before it was given any input.
    pub memory_bytes: u64,
    /// Further bytes for each byte of input.
    pub memory_per_input_byte: u64,
    /// Bytes of all linear memories together, whatever the input. wasm32 ends there itself.
    pub memory_bytes_max: u64,
    /// Elements of all tables together.
    pub table_elements: usize,
    /// Bytes of stack.
    pub stack_bytes: usize,
    /// Time for a batch, before it was given any input.
    pub base_time: Duration,
    /// Bytes of input that give a further second. Honest kernels do a hundred times as many.
    pub bytes_per_second: u64,
    /// Bytes that one call may return; a chunk has 8 MiB.
    pub output_bytes: usize,
    /// Bytes in a component.
    pub component_bytes: usize,
    /// Bytes of address space for the process that compiles a stranger's component.
    pub compiler_memory_bytes: u64,
    /// Time for that process.
    pub compiler_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 512 << 20,
            memory_per_input_byte: 4,
            memory_bytes_max: 4 << 30,
            table_elements: 65_536,
            stack_bytes: 512 << 10,
            base_time: Duration::from_secs(10),
            bytes_per_second: 2 << 20,
            output_bytes: 16 << 20,
            component_bytes: 16 << 20,
            compiler_memory_bytes: 4 << 30,
            compiler_time: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// For an interpreter that runs some thirty times slower than compiled code.
    pub(super) fn for_interpreter(&self) -> Self {
        Limits {
            base_time: self.base_time.saturating_mul(4),
            bytes_per_second: (self.bytes_per_second / 40).max(1),
            ..self.clone()
        }
    }
}

/// One instance's account.
#[derive(Debug)]
pub(super) struct Meter {
    limits: Limits,
    memory_used: u64,
    memory_allowed: u64,
    table_used: usize,
    time_left: Duration,
}

impl Meter {
    pub(super) fn new(limits: Limits, component_bytes: usize) -> Self {
        let mut meter = Meter {
            memory_used: 0,
            memory_allowed: limits.memory_bytes,
            table_used: 0,
            time_left: limits.base_time,
            limits,
        };
        meter.grant(component_bytes);
        meter
    }

    /// A new batch begins: its base time is there again.
    pub(super) fn renew(&mut self) {
        self.time_left = self.time_left.max(self.limits.base_time);
    }

    /// So many bytes went in, or may come out.
    pub(super) fn grant(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        let microseconds = bytes.saturating_mul(1_000_000) / self.limits.bytes_per_second;
        self.time_left = self.time_left.saturating_add(Duration::from_micros(microseconds));
        let memory = bytes.saturating_mul(self.limits.memory_per_input_byte);
        self.memory_allowed = self.memory_allowed.saturating_add(memory).min(self.limits.memory_bytes_max);
    }

    /// Time that is left.
    pub(super) fn time_left(&self) -> Duration {
        self.time_left
    }

    /// So much time went by inside the kernel.
    pub(super) fn spend(&mut self, time: Duration) {
        self.time_left = self.time_left.saturating_sub(time);
    }
}

/// Memory or tables ran out. Carried through Wasmtime as the error that ends the call: growth is
/// not merely refused, so it is never taken for a trap that follows from it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Exceeded(String);

impl From<&Exceeded> for Failure {
    fn from(exceeded: &Exceeded) -> Self {
        Failure::new(HostCode::KernelMemory, exceeded.0.clone())
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let used = self.memory_used.saturating_add(desired.saturating_sub(current) as u64);
        if used > self.memory_allowed {
            let allowed = self.memory_allowed >> 20;
            let message =
                format!("the kernel asked for {} MiB of memory, and may have {allowed}", used >> 20);
            return Err(Exceeded(message).into());
        }
        self.memory_used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let used = self.table_used.saturating_add(desired.saturating_sub(current));
        if used > self.limits.table_elements {
            let allowed = self.limits.table_elements;
            let message = format!("the kernel asked for {used} table elements, and may have {allowed}");
            return Err(Exceeded(message).into());
        }
        self.table_used = used;
        Ok(true)
    }

    fn instances(&self) -> usize {
        32
    }

    fn tables(&self) -> usize {
        32
    }

    fn memories(&self) -> usize {
        8
    }
}
