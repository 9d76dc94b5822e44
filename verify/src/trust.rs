//! Whom a verifier trusts. It comes from outside, always: what a certificate says of itself is
//! never a reason to believe it.
//!
//! A trust policy is a TOML file:
//!
//! ```toml
//! # Keys whose signatures count: 64 hex digits or an OpenSSH line.
//! signers = ["8dd3073f43814ffbe85b087c3cabb2924234779cc7dd4e918e06dfcf17b159d0"]
//! # Chains whose own signing policy counts, by chain id (the hash of the genesis certificate).
//! chains = []
//! # Kernels that may have judged, by BLAKE3 hash. Empty or absent: any kernel that is at hand.
//! kernels = []
//! # Count only signers who judged the logs themselves. Default false.
//! require_judged = true
//! # How many counted signers it takes. Default 1.
//! minimum_signers = 1
//!
//! # Who writes under which node number: with it, a signed head names an author.
//! [[writer]]
//! node = 1
//! key = "8dd3073f43814ffbe85b087c3cabb2924234779cc7dd4e918e06dfcf17b159d0"
//! ```
//!
//! At least one signer or chain must be named. Unknown fields, duplicates and keys that are none
//! are refused with their line: a policy with a typing error must not quietly trust less, or more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use omega_kernel::hash::Hash;
use toml::Spanned;

use crate::failure::{Failure, HostCode};
use crate::hex;
use crate::keys;
use file::{PolicyFile, WriterEntry};

mod file;

/// Bytes in a trust policy.
pub const MAX_POLICY_BYTES: u64 = 1 << 20;

/// Whom a verifier trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Every signer counts (`--any-signer`): then a signature proves only that somebody signed.
    pub any_signer: bool,
    /// Keys whose signatures count.
    pub signers: BTreeSet<[u8; 32]>,
    /// Chains whose own signing policy counts.
    pub chains: BTreeSet<Hash>,
    /// Kernels that may have judged; empty: any.
    pub kernels: BTreeSet<Hash>,
    /// Only the statement *judged* counts on verdicts.
    pub require_judged: bool,
    /// Counted signers that it takes; at least 1.
    pub minimum_signers: u16,
    /// Key of the writer of each node.
    pub writers: BTreeMap<u32, [u8; 32]>,
}

/// One valid signature on a certificate that counts to its chain's threshold: *judged* or *vouched*
/// on a verdict, *approved* on another. Never *witnessed*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// Who signed.
    pub key: [u8; 32],
    /// The signer judged the logs; true for *approved* too, where there is nothing to judge.
    pub judged: bool,
    /// The key is in the chain's signing policy at that height.
    pub in_policy: bool,
}

impl Trust {
    /// Reads a policy file's bytes.
    ///
    /// # Errors
    /// `trust-policy-invalid` with the line.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Failure> {
        let text = String::from_utf8(bytes).map_err(|_| invalid("the trust policy is not UTF-8"))?;
        Trust::parse(&text)
    }

    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let file = PolicyFile::parse(text).map_err(|(span, message)| {
            at_line(text, span, &message).hint("schemas/trust.example.toml shows all fields.")
        })?;
        let trust = Trust {
            any_signer: false,
            signers: distinct(text, &file.signers, "signer", keys::public_key)?,
            chains: distinct(text, &file.chains, "chain id", hash)?,
            kernels: distinct(text, &file.kernels, "kernel hash", hash)?,
            require_judged: file.require_judged,
            minimum_signers: minimum(text, file.minimum_signers)?,
            writers: writers(text, &file.writer)?,
        };
        if trust.signers.is_empty() && trust.chains.is_empty() {
            return Err(invalid(
                "the trust policy names no signer and no chain, so nothing could be trusted",
            )
            .hint("Name at least one key under `signers` or one chain id under `chains`."));
        }
        let named = trust.signers.len();
        if trust.chains.is_empty() && usize::from(trust.minimum_signers) > named {
            let demanded = trust.minimum_signers;
            return Err(invalid(format!(
                "minimum_signers is {demanded}, but only {named} signers are named"
            )));
        }
        Ok(trust)
    }

    /// Trusts these keys.
    pub fn of_keys(signers: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let mut trust = Trust { any_signer: false, ..Trust::any_signer() };
        trust.signers.extend(signers);
        trust
    }

    /// Counts whoever signed (`--any-signer`).
    pub fn any_signer() -> Self {
        Trust {
            any_signer: true,
            signers: BTreeSet::new(),
            chains: BTreeSet::new(),
            kernels: BTreeSet::new(),
            require_judged: false,
            minimum_signers: 1,
            writers: BTreeMap::new(),
        }
    }

    /// Whether a kernel may have judged.
    pub fn accepts_kernel(&self, kernel_hash: &Hash) -> bool {
        self.kernels.is_empty() || self.kernels.contains(kernel_hash)
    }

    /// Whether a signature counts.
    pub fn counts(&self, chain_id: &Hash, signed: &Signed) -> bool {
        let known = self.any_signer
            || self.signers.contains(&signed.key)
            || (signed.in_policy && self.chains.contains(chain_id));
        known && (signed.judged || !self.require_judged)
    }

    /// The keys that count, ascending. Error: `signer-untrusted` where they are too few.
    pub fn counted(&self, chain_id: &Hash, signatures: &[Signed]) -> Result<Vec<[u8; 32]>, Failure> {
        let mut counted = BTreeSet::new();
        counted.extend(signatures.iter().filter(|signed| self.counts(chain_id, signed)).map(|it| it.key));
        if counted.len() >= usize::from(self.minimum_signers) {
            return Ok(counted.into_iter().collect());
        }
        let signers: Vec<_> = signatures.iter().map(|signed| hex::encode(&signed.key)).collect();
        let message = match (counted.len(), self.minimum_signers) {
            (0, 1) => "nobody you trust has signed this certificate".to_owned(),
            (found, wanted) => format!("{found} of the {wanted} signers that you demand have signed"),
        };
        let judged =
            if self.require_judged { " Only signers who judged the logs themselves count." } else { "" };
        Err(Failure::new(HostCode::SignerUntrusted, message).hint(match signers.as_slice() {
            [] => "It carries no signature that counts.".to_owned(),
            signers => format!(
                "Signed by {}. If you know that key from elsewhere, name it with --trust or in the policy.{judged}",
                signers.join(", ")
            ),
        }))
    }
}

fn distinct(
    text: &str,
    values: &[Spanned<String>],
    what: &str,
    parse: impl Fn(&str) -> Result<[u8; 32], Failure>,
) -> Result<BTreeSet<[u8; 32]>, Failure> {
    let mut set = BTreeSet::new();
    for value in values {
        let bytes = parse(value.get_ref()).map_err(|failure| placed(text, value.span(), failure))?;
        if !set.insert(bytes) {
            return Err(at_line(text, Some(value.span()), &format!("this {what} is named twice")));
        }
    }
    Ok(set)
}

fn minimum(text: &str, value: Option<Spanned<u16>>) -> Result<u16, Failure> {
    match value {
        None => Ok(1),
        Some(value) if *value.get_ref() == 0 => {
            Err(at_line(text, Some(value.span()), "minimum_signers must be at least 1"))
        }
        Some(value) => Ok(value.into_inner()),
    }
}

fn writers(text: &str, entries: &[WriterEntry]) -> Result<BTreeMap<u32, [u8; 32]>, Failure> {
    let mut writers = BTreeMap::new();
    for entry in entries {
        let key = keys::public_key(entry.key.get_ref())
            .map_err(|failure| placed(text, entry.key.span(), failure))?;
        if writers.insert(*entry.node.get_ref(), key).is_some() {
            return Err(at_line(text, Some(entry.node.span()), "this node has a writer already"));
        }
    }
    Ok(writers)
}

fn hash(text: &str) -> Result<Hash, Failure> {
    hex::bytes32(text).ok_or_else(|| invalid("expected a hash: 64 hex digits"))
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(HostCode::PolicyInvalid, message)
}

fn placed(text: &str, span: Range<usize>, failure: Failure) -> Failure {
    Failure { hint: failure.hint, ..at_line(text, Some(span), &failure.message) }
}

fn at_line(text: &str, span: Option<Range<usize>>, message: &str) -> Failure {
    let Some(before) = span.and_then(|span| text.get(..span.start)) else {
        return invalid(format!("trust policy: {message}"));
    };
    let line = before.matches('\n').count() + 1;
    invalid(format!("trust policy, line {line}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "8dd3073f43814ffbe85b087c3cabb2924234779cc7dd4e918e06dfcf17b159d0";
    const B: &str = "db99777b7fd2982942d9dae4c36b4f7d56f092dad9d498a6525f13b45d80c991";

    fn key(text: &str) -> [u8; 32] {
        keys::public_key(text).unwrap()
    }

    fn refused(text: &str) -> String {
        let failure = Trust::parse(text).expect_err(text);
        assert_eq!(failure.code.number(), 30_913);
        failure.message
    }

    #[test]
    fn the_example_is_a_policy_and_names_every_field() {
        let example = include_str!("../../schemas/trust.example.toml");
        let trust = Trust::parse(example).unwrap();
        assert!(!trust.signers.is_empty() && !trust.chains.is_empty() && !trust.kernels.is_empty());
        assert!(!trust.writers.is_empty() && trust.require_judged && trust.minimum_signers == 1);
    }

    #[test]
    fn all_fields_are_read() {
        let text = format!(
            "signers = ['{A}', '{B}']\nkernels = ['{}']\nrequire_judged = true\nminimum_signers = 2\n\
             [[writer]]\nnode = 4294967295\nkey = '{A}'\n[[writer]]\nnode = 0\nkey = '{A}'\n",
            "ab".repeat(32)
        );
        let trust = Trust::parse(&text).unwrap();
        assert_eq!(trust.signers, [key(A), key(B)].into());
        assert_eq!(trust.writers, [(0, key(A)), (u32::MAX, key(A))].into());
        assert_eq!((trust.minimum_signers, trust.require_judged), (2, true));
        assert!(trust.accepts_kernel(&[0xab; 32]) && !trust.accepts_kernel(&[0xac; 32]));
    }

    #[test]
    fn mistakes_are_refused_with_their_line() {
        let signers = format!("signers = ['{A}']\n");
        let cases = [
            (format!("{signers}signer = []"), "line 2: unknown field `signer`"),
            (format!("# two\n\nsigners = ['{A}', \n'{A}']"), "line 4: this signer is named twice"),
            (format!("signers = ['{A}', '{}']", A.to_uppercase()), "line 1: this signer is named twice"),
            (format!("{signers}kernels = ['abc']"), "line 2: expected a hash"),
            (format!("{signers}minimum_signers = 0"), "line 2: minimum_signers must be at least 1"),
            (format!("{signers}minimum_signers = -1"), "line 2: "),
            (format!("{signers}minimum_signers = 2"), "only 1 signers are named"),
            (format!("{signers}[[writer]]\nnode = 4294967296\nkey = '{A}'"), "line 3: "),
            (format!("{signers}[[writer]]\nnode = 1"), "line 2: missing field `key`"),
            (
                format!("{signers}[[writer]]\nnode = 1\nkey='{A}'\n[[writer]]\nnode = 1\nkey='{B}'"),
                "line 6: this node has a writer already",
            ),
            (format!("{signers}{signers}"), "line 2: duplicate key"),
            ("signers = 3".to_owned(), "line 1: invalid type: integer `3`, expected a sequence"),
            ("signers = [{ a = 1 }]".to_owned(), "line 1: invalid type: map, expected a string"),
            (format!("{signers}require_judged = 'yes'"), "invalid type: string \"yes\", expected a boolean"),
            (format!("{signers}minimum_signers = 0x10000"), "invalid value: integer `65536`, expected u16"),
            (
                format!("{signers}writer = [true]"),
                "invalid type: boolean `true`, expected struct WriterEntry",
            ),
            (
                format!("{signers}[[writer]]\nnodes = 1"),
                "line 3: unknown field `nodes`, expected `node` or `key`",
            ),
            ("signers = ['zz']".to_owned(), "line 1: this is no Ed25519 public key"),
            ("".to_owned(), "names no signer and no chain"),
        ];
        for (text, expected) in cases {
            let message = refused(&text);
            assert!(message.contains(expected), "{text}\n{message}\nexpected: {expected}");
        }
    }

    #[test]
    fn only_named_signers_count() {
        let chain = [1; 32];
        let signed = |text, judged| Signed { key: key(text), judged, in_policy: true };
        let trust = Trust::of_keys([key(A)]);
        assert_eq!(trust.counted(&chain, &[signed(A, false), signed(B, true)]).unwrap(), [key(A)]);
        let failure = trust.counted(&chain, &[signed(B, true)]).unwrap_err();
        assert_eq!(failure.code.name(), "signer-untrusted");
        assert!(failure.hint.unwrap().contains(B));
        assert!(trust.counted(&chain, &[]).is_err());
        assert!(Trust::any_signer().counted(&chain, &[signed(B, false)]).is_ok());
        assert!(Trust::any_signer().counted(&chain, &[]).is_err(), "nobody is not anybody");
    }

    #[test]
    fn judged_and_the_minimum_are_demanded() {
        let chain = [1; 32];
        let signed = |text, judged| Signed { key: key(text), judged, in_policy: true };
        let text = format!("signers = ['{A}', '{B}']\nrequire_judged = true\nminimum_signers = 2");
        let trust = Trust::parse(&text).unwrap();
        assert!(trust.counted(&chain, &[signed(A, true), signed(B, true)]).is_ok());
        assert!(trust.counted(&chain, &[signed(A, true), signed(B, false)]).is_err());
        assert!(trust.counted(&chain, &[signed(A, true), signed(A, true)]).is_err(), "one key is one signer");
    }

    #[test]
    fn a_trusted_chain_counts_its_own_policy_only() {
        let trust = Trust::parse(&format!("chains = ['{}']", "01".repeat(32))).unwrap();
        let signed = |in_policy| Signed { key: key(A), judged: true, in_policy };
        assert!(trust.counts(&[1; 32], &signed(true)));
        assert!(!trust.counts(&[1; 32], &signed(false)));
        assert!(!trust.counts(&[2; 32], &signed(true)));
    }
}
