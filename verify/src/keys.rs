//! Public keys as text: 64 hex digits, PEM, or an OpenSSH line.
//!
//! Of the last two only the one shape that an Ed25519 key has is read. General readers would be a tenth
//! of the loader; the host's tests hold this one to them.

use base64ct::{Base64, Encoding};
use ed25519_dalek::VerifyingKey;

use crate::failure::{Failure, HostCode};
use crate::hex;

/// First line of a public key.
pub const SPKI: &str = "-----BEGIN PUBLIC KEY-----";
const SPKI_END: &str = "-----END PUBLIC KEY-----";
/// What stands before the key in its DER form (RFC 8410): lengths, and the algorithm.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
/// What stands before the key in OpenSSH's form: lengths, and the algorithm.
const OPENSSH_PREFIX: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";
/// What is said of text that is no key of any form.
pub const NO_KEY: &str = "this is no Ed25519 public key";
/// What to do without a key.
pub const HOW_TO_MAKE: &str = "`omega keygen` makes an Ed25519 key.";

/// Reads a public key from text: 64 hex digits, PEM, or an OpenSSH `ssh-ed25519 …` line.
///
/// Errors: `key-invalid`, also for the few weak keys under which signatures prove nothing.
pub fn public_key(text: &str) -> Result<[u8; 32], Failure> {
    let text = text.trim();
    let key = if text.starts_with(SPKI) {
        let key = pem(text)
            .ok_or_else(|| invalid("the PEM block holds no Ed25519 public key").hint(HOW_TO_MAKE))?;
        VerifyingKey::from_bytes(&key)
            .map_err(|_| invalid("the PEM block holds no Ed25519 public key").hint(HOW_TO_MAKE))?
    } else if text.starts_with("ssh-") || text.starts_with("ecdsa-") {
        let key = openssh(text).ok_or_else(|| {
            invalid("the OpenSSH public key is damaged or not for Ed25519")
                .hint("Copy the whole line again; it starts with ssh-ed25519.")
        })?;
        point(&key)?
    } else if text.contains("PRIVATE KEY-----") {
        return Err(invalid("this is a private key where a public key was expected")
            .hint("Give the public key: `omega keygen` writes it beside the private one, as .pub."));
    } else {
        let bytes = hex::bytes32(text).ok_or_else(|| {
            invalid(NO_KEY)
                .hint("Give 64 hex digits, a PEM block, or an OpenSSH line that starts with ssh-ed25519.")
        })?;
        point(&bytes)?
    };
    if key.is_weak() {
        return Err(invalid("this public key is weak: signatures under it prove nothing"));
    }
    Ok(key.to_bytes())
}

/// The key in a PEM block (RFC 7468) of its one length: a single line of base64.
fn pem(text: &str) -> Option<[u8; 32]> {
    let block = text.strip_prefix(SPKI)?.strip_suffix(SPKI_END)?;
    let ends = ["\r\n", "\n", "\r"];
    let block = ends.iter().find_map(|end| block.strip_prefix(end))?;
    let block = ends.iter().find_map(|end| block.strip_suffix(end))?;
    prefixed::<{ SPKI_PREFIX.len() + 32 }>(block, &SPKI_PREFIX)
}

/// The key in an OpenSSH line: the algorithm, the key in base64, and perhaps a comment.
fn openssh(line: &str) -> Option<[u8; 32]> {
    let (algorithm, rest) = line.split_once(' ')?;
    let key = rest.split(' ').next().filter(|_| algorithm == "ssh-ed25519")?;
    prefixed::<{ OPENSSH_PREFIX.len() + 32 }>(key, OPENSSH_PREFIX)
}

/// What follows the prefix in so many bytes in base64.
fn prefixed<const BYTES: usize>(base64: &str, prefix: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; BYTES];
    let whole = Base64::decode(base64, &mut bytes).ok()?.len() == BYTES;
    bytes.strip_prefix(prefix).filter(|_| whole)?.try_into().ok()
}

/// The failure of a key that cannot be used.
pub fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(HostCode::KeyInvalid, message)
}

fn point(bytes: &[u8; 32]) -> Result<VerifyingKey, Failure> {
    VerifyingKey::from_bytes(bytes).map_err(|_| invalid("these 32 bytes are no point of the Ed25519 curve"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENSSL_HEX: &str = "8dd3073f43814ffbe85b087c3cabb2924234779cc7dd4e918e06dfcf17b159d0";

    #[test]
    fn every_form_of_a_key_is_read() {
        let public = public_key(include_str!("../../host/tests/keys/openssl.pub")).unwrap();
        assert_eq!(public_key(OPENSSL_HEX).unwrap(), public);
        assert_eq!(public_key(&format!(" {}\n", OPENSSL_HEX.to_uppercase())).unwrap(), public);
        let line = include_str!("../../host/tests/keys/openssh.pub");
        let public = public_key(line).unwrap();
        let without_comment: Vec<_> = line.split(' ').take(2).collect();
        assert_eq!(public_key(&without_comment.join(" ")).unwrap(), public);
        assert!(public_key(&line.replace("ssh-ed25519", "ssh-rsa")).is_err());
    }

    #[test]
    fn public_keys_that_prove_nothing_are_refused() {
        assert!(public_key(&"0".repeat(64)).unwrap_err().message.contains("weak"));
        assert!(public_key(&format!("02{}", "0".repeat(62))).unwrap_err().message.contains("curve"));
        assert!(public_key("8dd3").unwrap_err().hint.unwrap().contains("64 hex digits"));
        assert!(
            public_key(include_str!("../../host/tests/keys/openssl.pem"))
                .unwrap_err()
                .message
                .contains("private")
        );
    }
}
