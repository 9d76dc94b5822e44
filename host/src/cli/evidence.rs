//! Flags that name evidence: a certificate or a log of them, and what was judged.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::verify::Evidence;

/// Flags of every command that looks at evidence.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("evidence").required(true).args(["cert", "cert_log"])))]
pub struct EvidenceArgs {
    /// A certificate
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// A log of certificates: the whole chain is followed
    #[arg(long, alias = "cert_log", value_name = "FILE")]
    pub cert_log: Option<PathBuf>,
    /// A log that was judged; repeat it for each
    #[arg(long = "input", value_name = "LOG")]
    pub inputs: Vec<PathBuf>,
    /// State that the batch, or the first of the batches to judge, starts from
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
}

impl EvidenceArgs {
    /// The certificate, or the log of them.
    ///
    /// # Errors
    /// A usage failure where neither is named.
    pub fn evidence(&self) -> Result<Evidence, Failure> {
        match (&self.cert, &self.cert_log) {
            (Some(path), _) => Ok(Evidence::Certificate(path.clone())),
            (None, Some(path)) => Ok(Evidence::Log(path.clone())),
            (None, None) => Err(Failure::usage("name a certificate or a log of certificates")),
        }
    }
}
