//! Public keys as text: 64 hex digits, PEM, or an OpenSSH line.

use data_encoding::HEXLOWER_PERMISSIVE;
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::DecodePublicKey;

use crate::failure::{Failure, HostCode};

/// First line of a public key.
pub const SPKI: &str = "-----BEGIN PUBLIC KEY-----";
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
        VerifyingKey::from_public_key_pem(text)
            .map_err(|_| invalid("the PEM block holds no Ed25519 public key").hint(HOW_TO_MAKE))?
    } else if text.starts_with("ssh-") || text.starts_with("ecdsa-") {
        let parsed = ssh_key::PublicKey::from_openssh(text);
        let key = parsed.as_ref().ok().and_then(|key| key.key_data().ed25519());
        let Some(key) = key else {
            return Err(invalid("the OpenSSH public key is damaged or not for Ed25519")
                .hint("Copy the whole line again; it starts with ssh-ed25519."));
        };
        point(&key.0)?
    } else if text.contains("PRIVATE KEY-----") {
        return Err(invalid("this is a private key where a public key was expected")
            .hint("Give the public key: `omega keygen` writes it beside the private one, as .pub."));
    } else {
        let bytes =
            HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
        let bytes = bytes.ok_or_else(|| {
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
