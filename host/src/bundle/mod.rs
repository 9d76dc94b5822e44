//! One file of HTML with evidence and everything that verifies it: certificates, proofs, logs, the kernels
//! that the certificates name, and the verify page around them.
//!
//! What is put in was verified before, from the very bytes that are written, as `omega verify` does. The
//! file cannot vouch for itself: whoever opens it sees a page that its maker could have changed.

use std::io::{self, Write};
use std::path::Path;

use data_encoding::HEXLOWER;
use omega_verify::kernels::unknown;
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::files;
use crate::interrupt;
use crate::outputs::Kind;
use crate::verify::Kernels;

mod evidence;
pub mod format;
mod names;
mod page;
mod parts;

pub use evidence::Finding;
pub use parts::Request;

use evidence::{Evidence, Logs};
use format::{Entry, Manifest, Page, Role};
use parts::{Part, Parts};

/// What came of gathering.
#[derive(Debug)]
pub enum Gathered {
    /// It can be written.
    Ready(Box<Bundle>),
    /// The evidence is wrong or could not be checked, and nobody asked for it all the same.
    Refused(Box<Finding>),
}

/// An evidence file that is ready to be written.
#[derive(Debug)]
pub struct Bundle {
    page: Page,
    manifest: Manifest,
    parts: Vec<Part>,
    /// What verifying its parts came to.
    pub finding: Finding,
    /// Kernel files that were given, and that no certificate names.
    pub unused_kernels: Vec<String>,
    /// Whether the newest certificate is a verdict whose logs are not in it.
    pub without_logs: bool,
}

/// The file that was written.
#[derive(Debug)]
pub struct Written {
    /// How many bytes it has.
    pub bytes: u64,
    /// Their SHA-256, in hex.
    pub sha256: String,
    /// Their BLAKE3, in hex.
    pub blake3: String,
}

impl Bundle {
    /// Reads what is asked for and verifies it.
    ///
    /// # Errors
    /// What keeps a file from being made: no page, a part or a kernel that is not at hand, too many bytes, a
    /// wrong command line. That the evidence is wrong is none: see [`Gathered::Refused`].
    pub fn gather(request: &Request) -> Result<Gathered, Failure> {
        let page = page::find(request.page.as_deref())?;
        let mut parts = Parts::read(request)?;
        let evidence = Evidence::of(&parts);
        if request.without_logs && !evidence.shows_without_logs() {
            let message = "without its logs this evidence shows nothing: it has no conflict and no proof";
            return Err(Failure::usage(message).hint("Leave --without-logs out."));
        }
        let mut kernels = Kernels::open(&request.kernels, None)?;
        let logs = if request.without_logs { Logs::outside(request) } else { Logs::among(&parts) };
        let mut finding = evidence.verify(&parts, logs, &mut kernels);
        if request.without_logs && finding.code.is_none() {
            // What is written must be right by itself.
            finding = evidence.verify(&parts, Logs::default(), &mut kernels);
        }
        if finding.code.is_some() && !request.even_if_it_fails {
            return Ok(Gathered::Refused(Box::new(finding)));
        }
        let needed = evidence.kernels(&kernels);
        for hash in &needed {
            let component = kernels.component(hash).ok_or_else(|| unknown(hash))?;
            parts.add_kernel(hash, component)?;
        }
        let unused = kernels.others(&needed);
        let unused_kernels = unused.iter().map(|path| path.display().to_string()).collect();
        let head = parts.head.take();
        let parts = parts.into_list();
        let manifest = Manifest {
            made_by: concat!("omega ", env!("CARGO_PKG_VERSION")).to_owned(),
            head,
            left_out: if request.without_logs { parts::left_out(request) } else { Vec::new() },
            parts: parts.iter().map(Part::entry).collect(),
        };
        let without_logs = evidence.has_verdict() && !parts.iter().any(|part| part.role == Role::Log);
        Ok(Gathered::Ready(Box::new(Bundle { page, manifest, parts, finding, unused_kernels, without_logs })))
    }

    /// What the file says of its parts.
    pub fn entries(&self) -> &[Entry] {
        &self.manifest.parts
    }

    /// Names of what was given and left out.
    pub fn left_out(&self) -> &[String] {
        &self.manifest.left_out
    }

    /// SHA-256 of the page around the parts, in hex.
    pub fn frame(&self) -> String {
        self.page.frame()
    }

    /// Writes it, whole or not at all, over an older one only.
    ///
    /// # Errors
    /// `write-failed` and its kin; `evidence-too-large` for too long a list of parts.
    pub fn write(&self, path: &Path) -> Result<Written, Failure> {
        let manifest = self.manifest.to_json()?;
        interrupt::watch();
        let mut hashed = None;
        files::write_streamed(path, Kind::Evidence, |file| {
            let mut out = Hashing {
                out: io::BufWriter::new(file),
                sha256: Sha256::new(),
                blake3: blake3::Hasher::new(),
                bytes: 0,
            };
            let parts = self.parts.iter().map(|part| part.bytes.as_slice());
            let filled = self.page.fill(&manifest, parts, &mut out).and_then(|()| out.flush());
            filled.map_err(|error| files::unwritable(&error, path))?;
            hashed = Some(out.end());
            Ok(())
        })?;
        hashed.ok_or_else(|| Failure::internal("a file was written and not hashed"))
    }
}

/// Hashes what goes through.
struct Hashing<W> {
    out: W,
    sha256: Sha256,
    blake3: blake3::Hasher,
    bytes: u64,
}

impl<W> Hashing<W> {
    fn end(self) -> Written {
        Written {
            bytes: self.bytes,
            sha256: HEXLOWER.encode(&self.sha256.finalize()),
            blake3: HEXLOWER.encode(self.blake3.finalize().as_bytes()),
        }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        interrupt::check().map_err(io::Error::other)?;
        let count = self.out.write(bytes)?;
        self.sha256.update(&bytes[..count]);
        self.blake3.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
