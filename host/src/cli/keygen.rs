//! `omega keygen`: a new key to sign with. Never overwrites one.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, HostCode};
use crate::files;
use crate::report::{Outcome, Report};
use crate::sign::Signer;

/// Flags of `keygen`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega keygen
  omega keygen --output keys/alice.key
  omega append --log alice.omega --node 1 --key omega.key --payload hello
  omega verify --cert-log cert.log --trust omega.pub")]
pub struct Args {
    /// Where the private key goes (mode 0600); the public key goes beside it, as .pub
    #[arg(long, value_name = "FILE", default_value = "omega.key")]
    pub output: PathBuf,
}

/// Makes the key and writes both halves.
pub fn run(args: Args) -> Result<Report, Failure> {
    let public_path = args.output.with_extension("pub");
    if public_path == args.output {
        return Err(Failure::usage("the private key would stand where the public key goes")
            .hint("Give the private key another ending, such as .key."));
    }
    let signer = Signer::generate()?;
    create(&args.output, 0o600, signer.private_pem()?.as_bytes())?;
    if let Err(failure) = create(&public_path, 0o644, signer.public_pem()?.as_bytes()) {
        // Half a pair is of no use; this file was made a moment ago and holds nobody's key yet.
        drop(fs::remove_file(&args.output));
        return Err(failure);
    }
    let public = data_encoding::HEXLOWER.encode(&signer.public_key());
    Ok(Report::new("keygen", Outcome::Ok)
        .message(format!("new key in {}, public key in {}", args.output.display(), public_path.display()))
        .line(format!("public key  {public}"))
        .hint("Keep the private key to yourself; give the public key to those who verify.")
        .field("public_key", public)
        .field("private_key_file", args.output.display().to_string())
        .field("public_key_file", public_path.display().to_string()))
}

/// Writes a file that was not there before, down to the disk.
fn create(path: &Path, mode: u32, content: &[u8]) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::new(HostCode::WriteFailed, "the file is there already; keys are never overwritten")
                .hint("Choose another name with --output, or move the old key away.")
                .file(path)
        }
        _ => files::unwritable(&error, path),
    })?;
    let written =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| files::sync_folder_of(path));
    written.map_err(|error| {
        drop(fs::remove_file(path));
        Failure::new(HostCode::WriteFailed, format!("the key file could not be written: {error}")).file(path)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::keys;

    #[test]
    fn the_pair_can_be_read_again_and_only_by_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("omega.key");
        let json = run(Args { output: output.clone() }).unwrap().to_json();
        assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);
        let public = keys::load(&output).unwrap().verifying_key().to_bytes();
        let text = fs::read_to_string(folder.path().join("omega.pub")).unwrap();
        assert_eq!(keys::public_key(&text).unwrap(), public);
        assert_eq!(json["public_key"], data_encoding::HEXLOWER.encode(&public));
        let private = fs::read_to_string(&output).unwrap();
        assert!(!json.to_string().contains(private.lines().nth(1).unwrap()));
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("omega.key");
        fs::write(&output, "precious").unwrap();
        assert_eq!(run(Args { output: output.clone() }).unwrap_err().code.name(), "write-failed");
        assert_eq!(fs::read_to_string(&output).unwrap(), "precious");
        assert!(!folder.path().join("omega.pub").exists());

        let other = folder.path().join("other.key");
        fs::write(folder.path().join("other.pub"), "precious").unwrap();
        assert!(run(Args { output: other.clone() }).is_err());
        assert!(!other.exists(), "half a pair is left");
        assert_eq!(fs::read_to_string(folder.path().join("other.pub")).unwrap(), "precious");
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("omega.key");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &output).unwrap();
        assert!(run(Args { output }).is_err());
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn two_keys_differ() {
        let key = || Signer::generate().unwrap().public_key();
        assert_ne!(key(), key());
    }
}
