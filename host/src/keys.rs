//! Key files: Ed25519 private keys in PKCS#8 PEM (RFC 8410) or OpenSSH form, and files that hold a
//! public key.
//!
//! A private key is read only from a regular file that nobody but its owner can open. Everything is
//! checked on the opened file, never by path, so nobody can exchange the file between check and
//! read. What was read is wiped from memory. Nothing here prints or formats a private key.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use omega_verify::keys::{HOW_TO_MAKE, NO_KEY, invalid};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

pub use omega_verify::keys::{SPKI, public_key};

use crate::failure::{Failure, HostCode};
use crate::files;

/// Bytes in a key file. A key takes some 400; an OpenSSH comment may add to it.
pub const MAX_KEY_BYTES: u64 = 16 << 10;

/// First line of a PKCS#8 private key.
pub const PKCS8: &str = "-----BEGIN PRIVATE KEY-----";
/// First line of an OpenSSH private key.
pub const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

/// Reads a private key from a file.
///
/// Errors: `file-not-found`, `is-a-directory`, `file-unreadable`; `key-file-mode` where group or
/// others may read or write the file; `key-invalid` for a symlink, a device, a file that is too
/// large, and every content that is no unencrypted Ed25519 private key.
pub fn load(path: &Path) -> Result<SigningKey, Failure> {
    let text = read_private(path)?;
    private_key(&text).map_err(|failure| failure.file(path))
}

/// Reads a public key from text, as [`public_key`], or from the file that the text names.
pub fn public_key_or_file(text: &str) -> Result<[u8; 32], Failure> {
    match File::open(text) {
        Ok(file) => {
            let mut content = String::new();
            let read = file.take(MAX_KEY_BYTES).read_to_string(&mut content);
            read.map_err(|error| unreadable(&error, Path::new(text)))?;
            public_key(&content).map_err(|failure| failure.file(text))
        }
        Err(error) => public_key(text).map_err(|failure| match error.kind() {
            ErrorKind::NotFound if failure.message == NO_KEY => {
                Failure { message: format!("{NO_KEY}, and there is no such file"), ..failure }
            }
            ErrorKind::NotFound => failure,
            _ => unreadable(&error, Path::new(text)),
        }),
    }
}

const PRIVATE_BESIDE: &str =
    "It stands in the file beside it: omega.key for omega.pub, id_ed25519 for id_ed25519.pub.";

fn unreadable(error: &std::io::Error, path: &Path) -> Failure {
    files::unreadable(error, path).hint(HOW_TO_MAKE)
}

/// Opens, checks what was opened, and reads it.
fn read_private(path: &Path) -> Result<Zeroizing<String>, Failure> {
    // NOFOLLOW: a key is the file named, not what a link in a shared folder points to today.
    // NONBLOCK: opening a pipe must not hang before its kind is known.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let opened = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
            invalid("the key file is a symbolic link").file(path).hint("Give the path of the file itself.")
        }
        _ => unreadable(&error, path),
    })?;
    let meta = file.metadata().map_err(|error| unreadable(&error, path))?;
    if meta.is_dir() {
        return Err(unreadable(&ErrorKind::IsADirectory.into(), path));
    }
    if !meta.is_file() {
        return Err(invalid("the key file is no regular file").file(path));
    }
    // A public key may be open to all; advice about its mode would lead astray.
    let mut start = Zeroizing::new([0; 32]);
    let count = file.read_at(&mut start[..], 0).map_err(|error| unreadable(&error, path))?;
    let is = |prefix: &str| start[..count].starts_with(prefix.as_bytes());
    if is(SPKI) || is("ssh-") || is("ecdsa-") {
        return Err(invalid(format!("{} is a public key; give the private key", path.display()))
            .hint(PRIVATE_BESIDE)
            .file(path));
    }
    let mode = meta.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Failure::new(
            HostCode::KeyFileMode,
            format!("the key file has mode {mode:04o}: others than its owner may use it"),
        )
        .hint(format!(
            "Run `chmod 600 {}`, and make a new key if others could read this one.",
            path.display()
        ))
        .file(path));
    }
    let too_large = || {
        invalid(format!("the file is larger than any key file ({MAX_KEY_BYTES} bytes at most)"))
            .hint(HOW_TO_MAKE)
            .file(path)
    };
    if meta.len() > MAX_KEY_BYTES {
        return Err(too_large());
    }
    // Room for all from the start: a buffer that grows leaves copies of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_KEY_BYTES as usize + 1));
    let read = file.take(MAX_KEY_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(&error, path))?;
    if bytes.len() as u64 > MAX_KEY_BYTES {
        return Err(too_large());
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(invalid("the file is binary, not a key in PEM form").file(path).hint(HOW_TO_MAKE)),
    }
}

fn private_key(text: &str) -> Result<SigningKey, Failure> {
    let text = text.trim();
    if text.starts_with(PKCS8) {
        return SigningKey::from_pkcs8_pem(text).map_err(|_| {
            invalid("the PEM block is damaged or holds no Ed25519 private key").hint(HOW_TO_MAKE)
        });
    }
    if text.starts_with(OPENSSH) {
        return openssh(text);
    }
    if text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return Err(invalid("the key is encrypted with a passphrase")
            .hint("Write an unencrypted copy, mode 0600: `openssl pkcs8 -in KEY -out omega.key`."));
    }
    if text.starts_with(SPKI) || text.starts_with("ssh-") || text.starts_with("ecdsa-") {
        return Err(invalid("this is a public key; give the private key").hint(PRIVATE_BESIDE));
    }
    if text.contains("PRIVATE KEY-----") {
        return Err(invalid("the private key is neither PKCS#8 nor OpenSSH Ed25519").hint(HOW_TO_MAKE));
    }
    Err(invalid("the file holds no private key").hint(HOW_TO_MAKE))
}

fn openssh(text: &str) -> Result<SigningKey, Failure> {
    let key = ssh_key::PrivateKey::from_openssh(text)
        .map_err(|_| invalid("the OpenSSH key is damaged or not for Ed25519").hint(HOW_TO_MAKE))?;
    if key.is_encrypted() {
        return Err(invalid("the OpenSSH key is encrypted with a passphrase").hint(
            "Remove the passphrase from a copy: `ssh-keygen -p -N '' -f COPY`; or make a key with `omega keygen`.",
        ));
    }
    let Some(pair) = key.key_data().ed25519() else {
        return Err(invalid("the OpenSSH key is not for Ed25519").hint(HOW_TO_MAKE));
    };
    let signing = SigningKey::from_bytes(&Zeroizing::new(pair.private.to_bytes()));
    if signing.verifying_key().to_bytes() != pair.public.0 {
        return Err(invalid("the OpenSSH key's public half does not belong to its private half"));
    }
    Ok(signing)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const OPENSSL_HEX: &str = "8dd3073f43814ffbe85b087c3cabb2924234779cc7dd4e918e06dfcf17b159d0";

    fn with_mode(content: &[u8], mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("omega.key");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn refused(content: &[u8], mode: u32) -> Failure {
        let (_folder, path) = with_mode(content, mode);
        let failure = load(&path).expect_err("refused");
        assert!(failure.file.as_deref().is_some_and(|file| file.ends_with("omega.key")));
        failure
    }

    #[test]
    fn keys_of_openssl_and_ssh_keygen_are_read() {
        let (_a, path) = with_mode(include_bytes!("../tests/keys/openssl.pem"), 0o600);
        let public = load(&path).unwrap().verifying_key().to_bytes();
        assert_eq!(data_encoding::HEXLOWER.encode(&public), OPENSSL_HEX);
        assert_eq!(public_key(include_str!("../tests/keys/openssl.pub")).unwrap(), public);
        assert_eq!(public_key(OPENSSL_HEX).unwrap(), public);
        assert_eq!(public_key(&format!(" {}\n", OPENSSL_HEX.to_uppercase())).unwrap(), public);

        let (_b, path) = with_mode(include_bytes!("../tests/keys/openssh"), 0o400);
        let public = load(&path).unwrap().verifying_key().to_bytes();
        assert_eq!(public_key(include_str!("../tests/keys/openssh.pub")).unwrap(), public);
    }

    #[test]
    fn every_bit_that_lets_others_in_is_refused() {
        let pem = include_bytes!("../tests/keys/openssl.pem");
        for bit in 0..6 {
            let failure = refused(pem, 0o600 | 1 << bit);
            assert_eq!(failure.code, crate::failure::Code::Host(HostCode::KeyFileMode));
            assert!(failure.hint.unwrap().contains("chmod 600 "));
        }
    }

    #[test]
    fn what_is_no_usable_key_is_refused_with_a_reason() {
        let cases: [(&[u8], &str); 9] = [
            (include_bytes!("../tests/keys/openssh-encrypted"), "passphrase"),
            (include_bytes!("../tests/keys/pkcs8-encrypted.pem"), "passphrase"),
            (include_bytes!("../tests/keys/openssh-ecdsa"), "not for Ed25519"),
            (include_bytes!("../tests/keys/x25519.pem"), "no Ed25519"),
            (include_bytes!("../tests/keys/openssl.pub"), "public key"),
            (include_bytes!("../tests/keys/openssh.pub"), "public key"),
            (b"", "no private key"),
            (b"\xff\xfe", "binary"),
            (&[b'a'; MAX_KEY_BYTES as usize + 1], "larger"),
        ];
        for (content, word) in cases {
            let failure = refused(content, 0o600);
            assert_eq!(failure.code, crate::failure::Code::Host(HostCode::KeyInvalid));
            assert!(failure.message.contains(word), "{} does not say {word}", failure.message);
        }
    }

    #[test]
    fn a_damaged_openssh_key_is_refused_wherever_a_character_changes() {
        let text = include_str!("../tests/keys/openssh");
        let good = private_key(text).unwrap().to_bytes();
        let body = OPENSSH.len() + 1..text.rfind("\n-----END").unwrap();
        for at in body {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            // A character of the comment may change: then the key itself is still the same.
            if let Ok(key) = private_key(std::str::from_utf8(&bytes).unwrap()) {
                assert_eq!(key.to_bytes(), good, "at {at}");
            }
        }
    }

    #[test]
    fn links_folders_pipes_and_missing_files_are_named_as_such() {
        let (folder, path) = with_mode(include_bytes!("../tests/keys/openssl.pem"), 0o600);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(load(&link).unwrap_err().message.contains("symbolic link"));
        assert_eq!(load(folder.path()).unwrap_err().code.name(), "is-a-directory");
        assert_eq!(load(&folder.path().join("none")).unwrap_err().code.name(), "file-not-found");
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(load(&pipe).unwrap_err().message.contains("no regular file"));
    }

    #[test]
    fn a_public_key_may_be_named_by_its_file() {
        let (_folder, path) = with_mode(include_bytes!("../tests/keys/openssl.pub"), 0o644);
        let key = public_key_or_file(path.to_str().unwrap()).unwrap();
        assert_eq!(public_key_or_file(OPENSSL_HEX).unwrap(), key);
        assert!(public_key_or_file("no-such.pub").unwrap_err().message.contains("no Ed25519"));
    }

    /// `omega_verify` reads the one shape that a key is written in; these libraries read all that there
    /// are, and some that nobody writes, such as wrong lengths within.
    #[test]
    fn public_keys_are_read_as_the_libraries_read_them() {
        use ed25519_dalek::VerifyingKey;
        use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
        use ed25519_dalek::pkcs8::{DecodePublicKey, EncodePublicKey};

        // The key, and how the library writes it.
        type Read = Option<([u8; 32], String)>;
        type Library<'l> = (&'l str, &'l dyn Fn(&str) -> Read);
        let by_ssh_key = |text: &str| -> Read {
            let mut key = ssh_key::PublicKey::from_openssh(text).ok()?;
            key.set_comment("");
            Some((key.key_data().ed25519()?.0, key.to_openssh().ok()?))
        };
        let by_dalek = |text: &str| -> Read {
            let key = VerifyingKey::from_public_key_pem(text).ok()?;
            Some((key.to_bytes(), key.to_public_key_pem(LineEnding::LF).ok()?.trim().to_owned()))
        };
        let readers: [Library<'_>; 2] = [
            (include_str!("../tests/keys/openssh.pub"), &by_ssh_key),
            (include_str!("../tests/keys/openssl.pub"), &by_dalek),
        ];
        for (text, library) in readers {
            let text = text.trim();
            let mut read = 0;
            for at in 0..text.len() {
                for with in ["A", "B", "z", "=", "/", " ", "-", "\n", "\r\n", "\t", "", "AA", "\u{e9}"] {
                    let changed = [&text[..at], with, &text[at + 1..]].concat();
                    // What no longer starts like it is read as something else.
                    if !changed.starts_with(&text[..4]) || changed.trim() != changed {
                        continue;
                    }
                    let theirs = library(&changed)
                        .filter(|(key, _)| VerifyingKey::from_bytes(key).is_ok_and(|key| !key.is_weak()));
                    match public_key(&changed) {
                        Ok(key) => {
                            assert_eq!(Some(key), theirs.map(|(key, _)| key), "{changed:?}");
                            read += 1;
                        }
                        Err(_) => {
                            let refused =
                                theirs.filter(|(_, text)| changed.replace("\r\n", "\n").starts_with(text));
                            assert_eq!(refused, None, "{changed:?}");
                        }
                    }
                }
            }
            assert!(read > 20, "some changes leave a key: {read}");
        }
    }
}
