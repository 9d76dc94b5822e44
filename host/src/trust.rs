//! Trust from files: a policy, and keys that stand in files of their own.

use std::path::Path;

pub use omega_verify::trust::{MAX_POLICY_BYTES, Trust};

use crate::failure::Failure;
use crate::{files, keys};

/// Reads a policy file. Errors: those of reading; `trust-policy-invalid` with the line.
pub fn load(path: &Path) -> Result<Trust, Failure> {
    let bytes = files::read_small(path, MAX_POLICY_BYTES, "a trust policy")?;
    Trust::read(bytes).map_err(|failure| failure.file(path))
}

/// Trusts these keys: hex, OpenSSH lines, or files that hold a public key (`--trust KEY`).
pub fn of_keys<S: AsRef<str>>(texts: &[S]) -> Result<Trust, Failure> {
    let signers: Vec<_> =
        texts.iter().map(|text| keys::public_key_or_file(text.as_ref())).collect::<Result<_, _>>()?;
    Ok(Trust::of_keys(signers))
}
