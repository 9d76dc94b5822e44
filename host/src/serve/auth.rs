//! Who may do what: bearer tokens with scopes, of which only hashes are kept.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files;

/// The file of tokens, in the data folder.
pub const NAME: &str = "tokens.toml";
/// The first token, in the data folder: may do everything.
pub const FIRST: &str = "token";
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look at everything.
    Read,
    /// Send events.
    Append,
    /// Resolve incidents, change kernels.
    Operate,
}

impl Scope {
    /// As files and flags have it.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Append => "append",
            Scope::Operate => "operate",
        }
    }
}

/// A token, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Whose it is: stands beside what is done with it.
    pub name: String,
    /// BLAKE3 of the token, in hex.
    pub hash: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// Logs that may be written with it; all where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<String>,
}

/// The tokens of a node that runs: read again when their file has changed.
#[derive(Debug)]
pub struct Watched {
    folder: PathBuf,
    read: RwLock<(Option<SystemTime>, Tokens)>,
}

impl Watched {
    /// Reads them, or makes the first one.
    ///
    /// # Errors
    /// As [`Tokens::open`].
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let tokens = Tokens::open(folder)?;
        let folder = folder.to_owned();
        Ok(Watched { read: RwLock::new((changed(&folder), tokens)), folder })
    }

    /// Whose token it is.
    pub fn find(&self, secret: &str) -> Option<Token> {
        let now = changed(&self.folder);
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        if read.0 == now {
            return read.1.find(secret).cloned();
        }
        drop(read);
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        // What cannot be read changes nothing: the file may be half-way to its next version.
        match Tokens::open(&self.folder) {
            Ok(tokens) => *read = (now, tokens),
            Err(failure) => tracing::warn!(code = failure.code.name(), "tokens: {}", failure.message),
        }
        read.1.find(secret).cloned()
    }
}

fn changed(folder: &Path) -> Option<SystemTime> {
    std::fs::metadata(folder.join(NAME)).and_then(|about| about.modified()).ok()
}

/// All tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// They.
    #[serde(default, rename = "token")]
    pub all: Vec<Token>,
}

impl Tokens {
    /// Reads the tokens of a data folder. Where there are none, makes one that may do everything, and
    /// puts it into a file that only its owner can read.
    ///
    /// # Errors
    /// A usage failure where the file is not one; those of the file system.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        if !path.exists() {
            let mut tokens = Tokens::default();
            let secret = tokens.add("first", &[Scope::Read, Scope::Append, Scope::Operate], &[])?;
            write_secret(&folder.join(FIRST), format!("{secret}\n").as_bytes())?;
            tokens.write(folder)?;
            return Ok(tokens);
        }
        let bytes = files::read_small(&path, MAX_FILE_BYTES, "a file of tokens")?;
        let text = String::from_utf8_lossy(&bytes);
        toml::from_str(&text)
            .map_err(|error| Failure::usage(format!("the file of tokens is not one: {error}")).file(&path))
    }

    /// Writes them, for their owner alone.
    ///
    /// # Errors
    /// `write-failed`.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        let text = toml::to_string(self)
            .map_err(|error| Failure::internal(format!("the tokens could not be written: {error}")))?;
        write_secret(&folder.join(NAME), text.as_bytes())
    }

    /// Makes a token; gives it. It cannot be shown again.
    ///
    /// # Errors
    /// A usage failure where the name is taken; where the system gives no randomness.
    pub fn add(&mut self, name: &str, scopes: &[Scope], logs: &[String]) -> Result<String, Failure> {
        if self.all.iter().any(|token| token.name == name) {
            return Err(Failure::usage(format!("there is a token named {name:?} already")));
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random)
            .map_err(|error| Failure::internal(format!("the system gives no randomness: {error}")))?;
        let secret = format!("omega_{}", BASE32_NOPAD.encode(&random).to_ascii_lowercase());
        let (name, hash) = (name.to_owned(), hash_of(&secret));
        self.all.push(Token { name, hash, scopes: scopes.to_vec(), logs: logs.to_vec() });
        Ok(secret)
    }

    /// Whose token it is. Compares hashes, so how long it takes says nothing of any token.
    pub fn find(&self, secret: &str) -> Option<&Token> {
        let hash = hash_of(secret);
        self.all.iter().find(|token| token.hash == hash)
    }
}

impl Token {
    /// Whether it allows something. Who may operate may do everything else.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Operate)
    }

    /// Whether it may write a log.
    pub fn may_write(&self, log: &str) -> bool {
        self.allows(Scope::Append) && (self.logs.is_empty() || self.logs.iter().any(|name| name == log))
    }
}

fn hash_of(secret: &str) -> String {
    HEXLOWER.encode(blake3::hash(secret.as_bytes()).as_bytes())
}

fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let unwritable = |error: std::io::Error| files::unwritable(&error, path);
    let partial = path.with_extension("partial");
    let mut open = std::fs::OpenOptions::new();
    let mut file =
        open.write(true).create(true).truncate(true).mode(0o600).open(&partial).map_err(unwritable)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(unwritable)?;
    std::fs::rename(&partial, path).map_err(unwritable)?;
    files::sync_folder_of(path).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_may_do_everything_and_is_kept_as_a_hash() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(dir.path()).unwrap();
        let secret = std::fs::read_to_string(dir.path().join(FIRST)).unwrap();
        let found = tokens.find(secret.trim()).unwrap();
        assert!(found.allows(Scope::Operate) && found.may_write("anything"));
        assert!(!std::fs::read_to_string(dir.path().join(NAME)).unwrap().contains(secret.trim()));
        for name in [NAME, FIRST] {
            assert_eq!(std::fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(Tokens::open(dir.path()).unwrap(), tokens);
    }

    #[test]
    fn a_token_allows_what_it_says() {
        let mut tokens = Tokens::default();
        let secret = tokens.add("alice", &[Scope::Append], &["alice".to_owned()]).unwrap();
        let alice = tokens.find(&secret).unwrap();
        assert!(alice.may_write("alice") && !alice.may_write("bob"));
        assert!(!alice.allows(Scope::Operate) && !alice.allows(Scope::Read));
        assert!(tokens.find("omega_").is_none());
        assert!(tokens.clone().add("alice", &[], &[]).is_err());
    }
}
