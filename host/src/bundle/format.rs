//! The evidence file, as bytes: a verify page with parts in it (`schemas/bundle.md`).
//!
//! A page and an evidence file differ in two places: the number line that says which of them it is, and
//! what stands between [`PLACE`] and [`END`]. All the rest is the *frame*. Nothing here is verified.

use std::io::{self, Write};
use std::ops::Range;

use data_encoding::{BASE64, HEXLOWER};
use omega_verify::kind::{EVIDENCE_MAGIC, PAGE_MAGIC};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::names::is_name;
use crate::failure::{Failure, HostCode};

/// The version of the format, in the second line.
const VERSION: &str = "1";
/// How the second line ends.
const LINE_END: &str = " -->\n";
/// What stands before the parts. In a page, its own kernel follows.
const PLACE: &str = "<div hidden id=\"omega-parts\">\n";
/// What stands behind them. Nothing between has this character: see [`Manifest::to_json`].
const END: &str = "</div>\n";
const MANIFEST_OPENS: &str = "<script type=\"application/json\" id=\"omega-manifest\">";
const CLOSES: &str = "</script>\n";
/// Bytes that are encoded in one go: a multiple of three, so that nothing is padded within.
const PIECE_BYTES: usize = 3 << 18;

/// Bytes that all parts together may have: base64 makes them a third longer, and a page holds them all.
pub const MAX_PARTS_BYTES: u64 = 256 << 20;
/// Parts that a file may have.
pub const MAX_PARTS: usize = 1024;
/// Bytes of the list of parts.
pub const MAX_MANIFEST_BYTES: usize = 2 << 20;

/// What a part is there for. Whoever reads looks at the bytes, and does not believe this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A certificate that is verified.
    Certificate,
    /// A log of certificates.
    CertificateLog,
    /// What stands beside such a log as `cert.hash`.
    CertificateHash,
    /// A log that was judged.
    Log,
    /// The state that the first batch starts from.
    Snapshot,
    /// A proof about one of the certificates.
    Proof,
    /// Whom its maker trusts.
    TrustPolicy,
    /// A key that its maker trusts.
    PublicKey,
    /// The newest certificate that its maker knows.
    Head,
    /// A checker that a certificate names.
    Kernel,
}

impl Role {
    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Certificate => "certificate",
            Role::CertificateLog => "certificate-log",
            Role::CertificateHash => "certificate-hash",
            Role::Log => "log",
            Role::Snapshot => "snapshot",
            Role::Proof => "proof",
            Role::TrustPolicy => "trust-policy",
            Role::PublicKey => "public-key",
            Role::Head => "head",
            Role::Kernel => "kernel",
        }
    }
}

/// What the file says of one of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name that it is saved under: no folder, no control characters, no other part's.
    pub name: String,
    /// What it is there for.
    pub role: Role,
    /// How many bytes it has.
    pub bytes: u64,
    /// Their BLAKE3, in 64 hex digits.
    pub blake3: String,
}

/// What the file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The program that made it.
    pub made_by: String,
    /// Chain hash of the newest certificate that its maker knows, in 64 hex digits.
    pub head: Option<String>,
    /// Names of files that were given and left out.
    pub left_out: Vec<String>,
    /// The parts, in the order in which they follow.
    pub parts: Vec<Entry>,
}

impl Manifest {
    /// As it stands in the file: JSON on one line without the character that begins a tag.
    ///
    /// # Errors
    /// `evidence-too-large` where it is longer than a file may have.
    pub fn to_json(&self) -> Result<String, Failure> {
        let json = serde_json::to_string(self).map_err(|error| Failure::internal(error.to_string()))?;
        let json = json.replace('<', "\\u003c");
        if json.len() > MAX_MANIFEST_BYTES {
            let message =
                format!("the list of parts is longer than the {MAX_MANIFEST_BYTES} bytes it may have");
            return Err(Failure::new(HostCode::EvidenceTooLarge, message));
        }
        Ok(json)
    }

    fn parse(json: &str) -> Result<Self, Failure> {
        let manifest: Manifest = serde_json::from_str(json)
            .map_err(|error| damaged(format!("what it says of its parts cannot be read: {error}")))?;
        let mut names: Vec<_> = manifest.parts.iter().map(|part| part.name.to_lowercase()).collect();
        names.sort();
        let total = manifest.parts.iter().try_fold(0u64, |sum, part| sum.checked_add(part.bytes));
        if manifest.parts.len() > MAX_PARTS || total.is_none_or(|total| total > MAX_PARTS_BYTES) {
            return Err(damaged("it names more or larger parts than an evidence file may have"));
        }
        if names.windows(2).any(|pair| pair[0] == pair[1]) || !names.iter().all(|name| is_name(name)) {
            return Err(damaged("it gives two parts one name, or one a name that no file should have"));
        }
        Ok(manifest)
    }
}

/// A page that parts are put into.
#[derive(Debug)]
pub struct Page {
    before: Vec<u8>,
    behind: Vec<u8>,
}

impl Page {
    /// Cuts a verify page open.
    ///
    /// # Errors
    /// `page-invalid` where it is none, or one of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let refused = |message: String| Err(Failure::new(HostCode::PageInvalid, message));
        if bytes.starts_with(EVIDENCE_MAGIC) {
            return refused("this is an evidence file itself, not the verify page".to_owned());
        }
        let Some(rest) = bytes.strip_prefix(PAGE_MAGIC) else {
            return refused("this is no verify page of OMEGA".to_owned());
        };
        match version(rest) {
            Some((VERSION, _)) => {}
            Some((other, _)) => {
                return refused(format!(
                    "this verify page takes parts in form {other}, not in form {VERSION}"
                ));
            }
            None => return refused("the verify page's second line is damaged".to_owned()),
        }
        let start = PAGE_MAGIC.len() + VERSION.len() + LINE_END.len();
        match place(bytes, start) {
            Some(inner) => {
                Ok(Page { before: bytes[start..inner.start].to_vec(), behind: bytes[inner.end..].to_vec() })
            }
            None => refused("the verify page has no place for parts: it is damaged".to_owned()),
        }
    }

    /// SHA-256 of the frame, in hex: equal for a page and for every evidence file made with it.
    pub fn frame(&self) -> String {
        frame(&self.before, &self.behind)
    }

    /// Writes the page with a manifest and its parts in it.
    ///
    /// # Errors
    /// Those of writing.
    pub fn fill<'p>(
        &self,
        manifest: &str,
        parts: impl IntoIterator<Item = &'p [u8]>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        for piece in [EVIDENCE_MAGIC, VERSION.as_bytes(), LINE_END.as_bytes(), &self.before] {
            out.write_all(piece)?;
        }
        write!(out, "{MANIFEST_OPENS}{manifest}{CLOSES}")?;
        for (number, part) in parts.into_iter().enumerate() {
            out.write_all(part_opens(number).as_bytes())?;
            for piece in part.chunks(PIECE_BYTES) {
                out.write_all(BASE64.encode(piece).as_bytes())?;
            }
            out.write_all(CLOSES.as_bytes())?;
        }
        out.write_all(&self.behind)
    }
}

/// An evidence file that was read.
#[derive(Debug)]
pub struct Read {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The parts' bytes, in its order.
    pub parts: Vec<Vec<u8>>,
    /// SHA-256 of its frame, in hex.
    pub frame: String,
}

impl Read {
    /// Takes an evidence file apart.
    ///
    /// # Errors
    /// `evidence-file-invalid` where it is not as `omega bundle` writes it, but for a part with another
    /// hash than is written beside it: see [`Read::changed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let rest = bytes.strip_prefix(EVIDENCE_MAGIC).ok_or_else(|| damaged("it does not start like one"))?;
        match version(rest) {
            Some((VERSION, _)) => {}
            Some((other, _)) => {
                return Err(damaged(format!("it has form {other}, and form {VERSION} is known")));
            }
            None => return Err(damaged("its second line is damaged")),
        }
        let start = EVIDENCE_MAGIC.len() + VERSION.len() + LINE_END.len();
        let inner = place(bytes, start).ok_or_else(|| damaged("it has no place with parts"))?;
        let frame = frame(&bytes[start..inner.start], &bytes[inner.end..]);
        let mut rest = &bytes[inner];
        take(&mut rest, MANIFEST_OPENS)?;
        let length = find(rest, CLOSES).filter(|&length| length <= MAX_MANIFEST_BYTES);
        let (json, behind) =
            rest.split_at(length.ok_or_else(|| damaged("the list of its parts has no end"))?);
        let json = std::str::from_utf8(json).map_err(|_| damaged("the list of its parts is no text"))?;
        let manifest = Manifest::parse(json)?;
        rest = behind;
        take(&mut rest, CLOSES)?;
        let mut parts = Vec::new();
        for (number, entry) in manifest.parts.iter().enumerate() {
            take(&mut rest, &part_opens(number))?;
            let length = (entry.bytes.div_ceil(3) * 4) as usize;
            let encoded = rest.get(..length).ok_or_else(|| damaged("it ends within a part"))?;
            let decoded = BASE64.decode(encoded).ok().filter(|part| part.len() as u64 == entry.bytes);
            parts.push(decoded.ok_or_else(|| damaged(format!("{} is no base64 of its length", entry.name)))?);
            rest = &rest[length..];
            take(&mut rest, CLOSES)?;
        }
        if !rest.is_empty() {
            return Err(damaged("something stands behind its parts"));
        }
        Ok(Read { manifest, parts, frame })
    }

    /// The parts that have another hash than is written beside them.
    pub fn changed(&self) -> Vec<&Entry> {
        let pairs = self.manifest.parts.iter().zip(&self.parts);
        pairs.filter(|(entry, bytes)| entry.blake3 != blake3_of(bytes)).map(|(entry, _)| entry).collect()
    }
}

/// BLAKE3 of some bytes, in hex.
pub fn blake3_of(bytes: &[u8]) -> String {
    HEXLOWER.encode(blake3::hash(bytes).as_bytes())
}

fn part_opens(number: usize) -> String {
    format!("<script type=\"text/plain\" id=\"omega-part-{number}\">")
}

/// Version and rest of the second line.
fn version(rest: &[u8]) -> Option<(&str, &[u8])> {
    let end = find(&rest[..rest.len().min(16)], LINE_END)?;
    Some((std::str::from_utf8(&rest[..end]).ok()?, &rest[end..]))
}

/// What stands in the place for parts.
fn place(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let start = from + find(bytes.get(from..)?, PLACE)? + PLACE.len();
    Some(start..start + find(&bytes[start..], END)?)
}

fn find(bytes: &[u8], wanted: &str) -> Option<usize> {
    memchr::memmem::find(bytes, wanted.as_bytes())
}

fn take(rest: &mut &[u8], wanted: &str) -> Result<(), Failure> {
    *rest = rest
        .strip_prefix(wanted.as_bytes())
        .ok_or_else(|| damaged("its parts are not where they should be"))?;
    Ok(())
}

fn frame(before: &[u8], behind: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::new().chain_update(before).chain_update(behind).finalize())
}

fn damaged(what: impl Into<String>) -> Failure {
    let message = format!("the evidence file is not as it was made: {}", what.into());
    Failure::new(HostCode::EvidenceFileInvalid, message).hint("Get it again from whoever made it.")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
