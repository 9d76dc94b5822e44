//! Asking a node: the one that a data folder belongs to, or the one at a URL.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, SendBody};

use super::auth::FIRST;
use super::settings::{Given, Settings};
use super::{ADDRESS, Announced, lock, with_node};
use crate::engine::Options;
use crate::failure::{Code, Failure, HostCode};
use crate::files;

const MAX_TOKEN_BYTES: u64 = 4096;
const MAX_PEM_BYTES: u64 = 1 << 20;
/// Bytes of an answer, at most.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Which node to ask.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Target {
    /// The node's data folder [default: the user's]; started for this where it does not run
    #[arg(long, value_name = "DIR", env = "OMEGA_DATA_DIR")]
    pub data: Option<PathBuf>,
    /// The node's URL, in place of a data folder
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub url: Option<String>,
    /// File with a token [default: the first one, in the data folder]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificate, in PEM, that the node's is held against [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "url")]
    pub ca: Option<PathBuf>,
}

/// A node that can be asked.
pub struct Client {
    agent: Agent,
    url: String,
    token: String,
}

impl Target {
    /// Does some work with the node: where it runs, through its address; where it does not, it runs for
    /// as long as the work takes.
    ///
    /// # Errors
    /// `store-locked` where another process has the data folder and says nowhere where it listens; those
    /// of starting and of the work.
    pub fn with<T>(&self, work: impl FnOnce(&Client) -> Result<T, Failure>) -> Result<T, Failure> {
        if let Some(url) = &self.url {
            let token = self.token_file.as_deref().ok_or_else(|| {
                Failure::usage("a node at a URL takes a token").hint("Give its file with --token-file.")
            })?;
            return work(&Client::new(url, token, self.ca.as_deref())?);
        }
        let settings = self.settings()?;
        let token = self.token_file.clone().unwrap_or_else(|| settings.data.join(FIRST));
        match running(&settings.data)? {
            Some(url) => work(&Client::new(&url, &token, None)?),
            None => with_node(settings, Options::from_environment()?, |url| {
                work(&Client::new(url, &token, None)?)
            }),
        }
    }

    /// Settings of a node that runs for one piece of work: nobody else is to reach it.
    fn settings(&self) -> Result<Settings, Failure> {
        let listen = Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
        let given = Given { data: self.data.clone(), listen, audit_seconds: Some(0), ..Given::default() };
        let settings = given.settle()?;
        match settings.data.is_dir() {
            true => Ok(settings),
            false => Err(Failure::new(HostCode::NotFound, "there is no such data folder")
                .hint("`omega serve --data DIR` makes one; --url names a node elsewhere.")
                .file(&settings.data)),
        }
    }
}

/// Where the node of a folder listens; none where none runs.
fn running(data: &Path) -> Result<Option<String>, Failure> {
    match lock::take_if_there(data) {
        Ok(_free) => return Ok(None),
        Err(failure) if failure.code == Code::Host(HostCode::StoreLocked) => {}
        Err(failure) => return Err(failure),
    }
    let path = data.join(ADDRESS);
    let said = files::read_small(&path, MAX_TOKEN_BYTES, "an address").ok();
    let said: Option<Announced> = said.and_then(|said| serde_json::from_slice(&said).ok());
    said.map(|said| Some(said.url)).ok_or_else(|| {
        Failure::new(
            HostCode::StoreLocked,
            "a process has this data folder, and does not say where it listens",
        )
        .hint("Wait a moment, if it is starting; or name its address with --url.")
        .file(data)
    })
}

/// What asks over HTTP and HTTPS: servers are held against `ca`, or against what the system trusts.
///
/// # Errors
/// `key-invalid` where `ca` is no certificate; those of the file system.
pub fn agent(ca: Option<&Path>) -> Result<Agent, Failure> {
    let roots = match ca {
        None => RootCerts::PlatformVerifier,
        Some(path) => {
            let pem = files::read_small(path, MAX_PEM_BYTES, "a certificate")?;
            let certificate = Certificate::from_pem(&pem).map_err(|error| {
                Failure::new(HostCode::KeyInvalid, format!("not a certificate: {error}")).file(path)
            })?;
            RootCerts::Specific(Arc::new(vec![certificate]))
        }
    };
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(roots)
        .build();
    Ok(Agent::config_builder().http_status_as_error(false).tls_config(tls).build().new_agent())
}

impl Client {
    fn new(url: &str, token_file: &Path, ca: Option<&Path>) -> Result<Self, Failure> {
        let token = files::read_small(token_file, MAX_TOKEN_BYTES, "a token")?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        let agent = agent(ca)?;
        Ok(Client { agent, url: url.trim_end_matches('/').to_owned(), token })
    }

    /// Reads something.
    ///
    /// # Errors
    /// Where the node cannot be reached, or refuses.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.url);
        let answer = self.agent.get(&url).header("authorization", format!("Bearer {}", self.token)).call();
        self.answer(answer)
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// Where the node cannot be reached, or refuses.
    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.url);
        let request = self.agent.post(&url).header("authorization", format!("Bearer {}", self.token));
        let answer =
            request.content_type(kind).send(SendBody::from_owned_reader(std::io::Cursor::new(body.to_vec())));
        self.answer(answer)
    }

    fn answer(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, Failure> {
        let unreachable = |error: &dyn std::fmt::Display| {
            Failure::new(HostCode::NodeUnreachable, format!("no answer from {}: {error}", self.url))
                .hint("Does it run? `omega serve` says where it listens.")
        };
        let mut answer = answer.map_err(|error| unreachable(&error))?;
        let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        let body = body.map_err(|error| unreachable(&error))?;
        let said: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if answer.status().is_success() {
            return Ok(said);
        }
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        let message = text("message").unwrap_or_else(|| format!("status {}", answer.status()));
        let name = text("code").unwrap_or_default();
        let mut failure = match HostCode::named(&name) {
            Some(code) => Failure::new(code, message),
            None if name == "usage" => Failure::usage(message),
            None => Failure::new(HostCode::NodeRefused, message),
        };
        failure.hint = text("hint");
        Err(failure)
    }
}
