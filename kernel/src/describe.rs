//! What this kernel is: its versions, the schemas and the catalog it judges by, its caps.
//!
//! Hosts ask before they hand over a log, and certificates are bound to the answer.

use crate::commitment::STATE_FORMAT;
use crate::hash::{self, Hash};
use crate::limits;

/// Version of the checking rules. Rises when the same logs may get another verdict.
pub const CHECKER_VERSION: u32 = 1;
/// Version of the event schema that certificates are bound to.
pub const SCHEMA_VERSION: u32 = 1;
/// Versions of the log format that this kernel reads, ascending.
pub const LOG_FORMATS: &[u16] = &[1];
/// Versions of the certificate format that this kernel reads, ascending; it writes the last.
pub const CERTIFICATE_FORMATS: &[u16] = &[1];
/// Schemas whose logs this kernel judges; certificates are bound to the first.
pub const SCHEMAS: &[Hash] = &[hash::SCHEMA_HASH];

/// A kernel's own account of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Version of the checking rules.
    pub checker_version: u32,
    /// Version of the event schema that certificates are bound to.
    pub schema_version: u32,
    /// Versions of the log format that it reads, ascending.
    pub log_formats: &'static [u16],
    /// Versions of the certificate format that it reads, ascending; it writes the last.
    pub certificate_formats: &'static [u16],
    /// Version of the state's shape and hashes.
    pub state_format: u32,
    /// Schemas whose logs it judges; certificates are bound to the first.
    pub schemas: &'static [Hash],
    /// The predicate catalog that it evaluates.
    pub predicates: Hash,
    /// Its caps.
    pub limits: Caps,
}

/// The caps that a host has to know, out of [`limits`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// Bytes in one chunk across the component's border.
    pub chunk_bytes: u32,
    /// Bytes in an event's payload.
    pub payload_bytes: u64,
    /// Ids that one event may depend on.
    pub deps: u32,
    /// Logs in a batch.
    pub logs: u32,
    /// Events in a batch, counted as often as they occur.
    pub batch_events: u32,
    /// Ids that a state can hold.
    pub state_ids: u64,
    /// Bytes in a certificate's body.
    pub body_bytes: u32,
}

/// This kernel.
pub fn describe() -> Description {
    Description {
        checker_version: CHECKER_VERSION,
        schema_version: SCHEMA_VERSION,
        log_formats: LOG_FORMATS,
        certificate_formats: CERTIFICATE_FORMATS,
        state_format: STATE_FORMAT,
        schemas: SCHEMAS,
        predicates: hash::PREDICATE_HASH,
        limits: Caps {
            chunk_bytes: limits::MAX_CHUNK_BYTES,
            payload_bytes: limits::MAX_PAYLOAD_BYTES,
            deps: limits::MAX_DEPS,
            logs: limits::MAX_LOGS,
            batch_events: limits::MAX_BATCH_EVENTS,
            state_ids: limits::MAX_STATE_IDS,
            body_bytes: limits::MAX_BODY_BYTES,
        },
    }
}
