//! Every cap in one place. Caps are part of the formats: native code and wasm32 refuse alike,
//! and a test stands at each cap and one past it.

/// Bytes in a payload. Keeps a frame well below every buffer of every host.
pub const MAX_PAYLOAD_BYTES: u64 = 1 << 20;
/// Ids that one event depends on.
pub const MAX_DEPS: u32 = 1024;
/// Bytes in a log's name (UTF-8): what the fixed header has room for.
pub const MAX_LOG_NAME_BYTES: usize = 64;
/// Bytes in a frame's message: 8 root pointer, 88 data, 40 pointers, the payload, the deps, and
/// 32 claim, 32 salt, 40 observed. Nothing canonical is longer.
pub const MAX_MESSAGE_BYTES: u32 = 8 + 88 + 40 + (1 << 20) + 16 * 1024 + 32 + 32 + 40;
/// Bytes in the shortest message: a root pointer and an event's data.
pub const MIN_MESSAGE_BYTES: u32 = 96;
/// Bytes hashed in search of a later frame before a torn tail is called damage: an honest tail
/// holds at most a frame; only a made-up one has so many places that look like one.
pub const MAX_TAIL_SEARCH_BYTES: u64 = 64 << 20;
/// Logs in a batch.
pub const MAX_LOGS: u32 = 4096;
/// Events (occurrences) in a batch: 144 bytes each in memory, in one array that doubles as it grows,
/// beside a full state in wasm32's 4 GiB.
pub const MAX_BATCH_EVENTS: u32 = 1 << 22;
/// Deps of all events in a batch: 512 MiB of ids, likewise.
pub const MAX_BATCH_DEPS: u32 = 1 << 25;
/// Distinct events with one id in a batch: their hashes must fit an obstruction's evidence.
pub const MAX_ID_VERSIONS: u32 = 1 << 16;
/// Occurrences of one id that are proved at once: each proof is a pass over the whole batch.
pub const MAX_PROVED_OCCURRENCES: u32 = 16;
/// Ids that a state holds: its arena is indexed with 32 bits and must fit wasm32's memory
/// beside a batch (104 bytes an id).
pub const MAX_STATE_IDS: u64 = 1 << 24;
/// Streams, each with its frontier, that a state holds beside its ids in the same memory.
pub const MAX_STATE_FRONTIERS: u64 = 1 << 22;
/// Bytes of a snapshot, run or body that cross the component's border in one call: Wasmtime
/// meters what one call may copy.
pub const MAX_CHUNK_BYTES: u32 = 8 << 20;
/// Keys in a signing policy.
pub const MAX_POLICY_KEYS: u16 = 64;
/// Signature records in a certificate.
pub const MAX_SIGNATURES: u16 = 128;
/// Bytes in a certificate's body.
pub const MAX_BODY_BYTES: u32 = 16 << 20;
/// Figures in a verdict's analytics: five are defined, later checkers may add some.
pub const MAX_ANALYTICS: u16 = 64;
/// Bytes in the origin that a genesis certificate names.
pub const MAX_ORIGIN_BYTES: usize = 255;
/// Differing verdicts that a swap certificate lists.
pub const MAX_SWAP_DIFFS: u32 = 65_536;
/// Siblings in a Merkle inclusion proof: the tree has fewer than 2^32 leaves.
pub const MAX_MERKLE_SIBLINGS: usize = 32;
/// Steps in a trie proof: one for each bit of the key.
pub const MAX_TRIE_STEPS: usize = 128;
