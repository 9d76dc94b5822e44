//! Every hash and its domain, in one file.
//!
//! Kernel, schema, catalog and unsalted payload hashes are plain BLAKE3 (`b3sum` reproduces them).
//! Everything else is keyed BLAKE3: `H_x(data) = keyed_hash(KEY_x, data)`, where `KEY_x` is
//! `derive_key(context_x, "")`, so a hash of one domain is never a hash of another. The keys are
//! written out here and a test derives them again from their contexts.

/// 32 bytes of BLAKE3.
pub type Hash = [u8; 32];

/// One hash domain: the context it is derived from and the key that this gives.
#[derive(Debug, Clone, Copy)]
pub struct Domain {
    /// Context string of `derive_key`.
    pub context: &'static str,
    /// `derive_key(context, "")`.
    pub key: Hash,
}

impl Domain {
    /// `H_x(data)`.
    #[inline]
    pub fn hash(&self, data: &[u8]) -> Hash {
        *blake3::keyed_hash(&self.key, data).as_bytes()
    }

    /// `H_x(left ‖ right)`: exactly one compression.
    #[inline]
    pub fn pair(&self, left: &Hash, right: &Hash) -> Hash {
        self.hash(&join(left, right))
    }
}

#[inline]
fn join(left: &Hash, right: &Hash) -> [u8; 64] {
    let mut block = [0u8; 64];
    block[..32].copy_from_slice(left);
    block[32..].copy_from_slice(right);
    block
}

/// Plain BLAKE3.
#[inline]
pub fn plain(data: &[u8]) -> Hash {
    *blake3::hash(data).as_bytes()
}

/// Hash of a payload: plain BLAKE3, keyed by the salt where there is one.
#[inline]
pub fn payload(data: &[u8], salt: Option<&[u8; 32]>) -> Hash {
    match salt {
        None => plain(data),
        Some(salt) => *blake3::keyed_hash(salt, data).as_bytes(),
    }
}

/// A branch of a crit-bit trie at `bit`: keyed by the branch key with its last byte set to the bit
/// index, so the index is committed to and the branch is still one compression.
#[inline]
pub fn trie_branch(bit: u8, left: &Hash, right: &Hash) -> Hash {
    trie_branch_domain(bit).pair(left, right)
}

/// The domain of branches at `bit`.
#[inline]
pub fn trie_branch_domain(bit: u8) -> Domain {
    let mut domain = TRIE_BRANCH;
    domain.key[31] = bit;
    domain
}

/// Plain BLAKE3 of `schemas/omega.capnp`.
pub const SCHEMA_HASH: Hash = unhex("81a759b4b9cb112a9f9ab0b86f29c951976a53283b789a6d9a760bf2fdd30894");
/// Plain BLAKE3 of `schemas/predicates.json`.
pub const PREDICATE_HASH: Hash = unhex("9190324b8d4e7469be45eaf5406402713bb751007386764fb9e64f6fd426e460");

macro_rules! domains {
    ($($(#[$doc:meta])* $name:ident = $context:literal, $key:literal;)*) => {
        $($(#[$doc])* pub const $name: Domain = Domain { context: $context, key: unhex($key) };)*
        /// All domains, for the specification's table and its test.
        pub const ALL: &[(&str, Domain)] = &[$((stringify!($name), $name)),*];
    };
}

const fn unhex(text: &str) -> Hash {
    let text = text.as_bytes();
    assert!(text.len() == 64);
    let mut out = [0u8; 32];
    let mut i = 0;
    while i < 32 {
        out[i] = nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]);
        i += 1;
    }
    out
}

const fn nibble(c: u8) -> u8 {
    match c {
        b'0'..=b'9' => c - b'0',
        b'a'..=b'f' => c - b'a' + 10,
        _ => panic!("not lower-case hex"),
    }
}

domains! {
    /// Event hash: what an event is. Also the plain Merkle leaf.
    EVENT = "omega-sheaf 2026-11 v1 event",
        "1aff80e1d2f12b1d1914a2f84b85d2fc93029c3dfd5485122736f11604dd3b14";
    /// Leaf of an event whose payload does not fit: event hash ‖ observed length ‖ observed hash.
    MISMATCH = "omega-sheaf 2026-11 v1 mismatched leaf",
        "b96fec22782ad6abe51617a5259ab8bf049afe8d70f1ca15f30af0009d10ad49";
    /// Inner node of a log's or a trace's Merkle tree.
    MERKLE_NODE = "omega-sheaf 2026-11 v1 merkle node",
        "49c8dfacaa239bef1d142a862dfa8d4a1966331e6bab160e7f5b2c85c5400986";
    /// Root of the empty Merkle tree: the hash of nothing.
    MERKLE_EMPTY = "omega-sheaf 2026-11 v1 merkle empty",
        "b0835fa25ef8264a9a8f11608e08974dbf89016dbbb7452ddfdce94c0bdb9739";
    /// Root of an empty trie: the hash of nothing.
    TRIE_EMPTY = "omega-sheaf 2026-11 v1 trie empty",
        "7a2f3240d19218d53f8c034b881282b5f284e35de56ccce235af5935944c72b0";
    /// Branch of a trie: see [`trie_branch`].
    TRIE_BRANCH = "omega-sheaf 2026-11 v1 trie branch",
        "06fa28d1d28f930fab263dbe0555eb2e080cd42b4a0f636416d97ec68be75cea";
    /// Leaf of the state's id trie.
    STATE_ID = "omega-sheaf 2026-11 v1 state id leaf",
        "61b3f93198482d325908df597cbe3bb1360d140eb9d3f0fcc43b868b621acc7a";
    /// Leaf of the state's frontier trie.
    STATE_FRONTIER = "omega-sheaf 2026-11 v1 state frontier leaf",
        "ce7c65d4272a2e80093b9062e9af05d7e61b7816eec86ccc579db0fd89103997";
    /// Leaf of the batch's id trie.
    BATCH_ID = "omega-sheaf 2026-11 v1 batch id leaf",
        "3e9c3727119cc3840626141abf5f7104101894aafd8f5592f8c8d9e1bb371bf4";
    /// The state root over both tries and their counts.
    STATE_ROOT = "omega-sheaf 2026-11 v1 state root",
        "911b68abbef5ce9422d72d397b59033c19fb7557513fefd516a0554866cf7b08";
    /// First part of a certificate's body.
    CORE = "omega-sheaf 2026-11 v1 body core",
        "8535d0b7ef6b303ab5234076ab8149cd029de3697f976bb1bcadeb11b9e83bbc";
    /// Second part of a certificate's body.
    OBSERVATIONS = "omega-sheaf 2026-11 v1 body observations",
        "671a375877703b3219e9d6d78d26e392e2d67ab0643c00a117f386d3b79719ad";
    /// Both parts' hashes.
    BODY = "omega-sheaf 2026-11 v1 body",
        "40d3815ac5ce670f361f45c658db4ce91f77cd8d77af11c88871a4569866a709";
    /// A signing policy.
    POLICY = "omega-sheaf 2026-11 v1 policy",
        "83aa814cf976216ffb70a5699412c2f62a850cecf33a47ddaca544699a76c15f";
    /// What a certificate's id is cut from.
    CERT_ID = "omega-sheaf 2026-11 v1 certificate id",
        "649e980faf0c4314d5cd8e5684f3b757eee22ef12715aaef5b81f181e1a5feb1";
    /// What the next certificate names and signatures sign.
    CERT_CHAIN = "omega-sheaf 2026-11 v1 certificate chain",
        "4332896d28611a0b723af97b82e8ad1280ee2ac2386323433b25a7c8b65fe4e7";
    /// Rolling hash over the records of a certificate log.
    CERT_LOG = "omega-sheaf 2026-11 v1 certificate log",
        "6238234ccf71a053494c2dbf468923c7dd1f3df7a4daa0280303004ca616b2c4";
}

#[cfg(test)]
mod tests {
    #[test]
    fn frozen_files_have_their_hashes() {
        assert_eq!(super::plain(include_bytes!("../../schemas/omega.capnp")), super::SCHEMA_HASH);
        assert_eq!(super::plain(include_bytes!("../../schemas/predicates.json")), super::PREDICATE_HASH);
    }

    #[test]
    fn keys_are_derived_from_their_contexts() {
        for (name, domain) in super::ALL {
            assert_eq!(blake3::derive_key(domain.context, b""), domain.key, "{name}");
        }
    }
}
