//! `omega serve`: a node that takes events in, certifies batches and shows what it does.

use std::io::Write;
use std::path::PathBuf;

use crate::engine::Options;
use crate::failure::Failure;
use crate::report::{Outcome, Report};
use crate::serve;
use crate::serve::settings::Given;
use crate::serve::telemetry::Telemetry;

/// Flags of `omega serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega serve --data node
  curl -d '{\"id\":\"00000000000000000000000000000001\",\"node\":1,
      \"lamport\":\"1\",\"payload\":\"hello\"}' \\
      -H \"Authorization: Bearer $(cat node/token)\" \\
      'http://127.0.0.1:4000/api/events?log=alice&wait=certified'
  curl http://127.0.0.1:4000/api/status
  omega serve --config omega.toml

The first start makes a key (node.key), a chain, and a token that may do
everything (token). Its log goes to stderr as JSON lines; RUST_LOG chooses what.
Ctrl-C ends it when everything that was acknowledged is certified.")]
pub struct Args {
    /// A settings file (TOML); its names are those of the flags
    #[arg(long, value_name = "FILE", env = "OMEGA_CONFIG")]
    pub config: Option<PathBuf>,
    /// What may be set there, too.
    #[command(flatten)]
    pub given: Given,
}

/// Serves until a signal comes.
pub fn run(args: Args) -> Result<Report, Failure> {
    let from_file = args.config.as_deref().map(Given::read).transpose()?.unwrap_or_default();
    let settings = args.given.or(from_file).settle()?;
    let _telemetry = Telemetry::begin(settings.otlp_endpoint.as_deref())?;
    let options = Options { keep_memory: true, ..Options::from_environment()? };
    let data = settings.data.display().to_string();
    let height = serve::run(settings, options, |announced| {
        // For whoever started it: where it listens. The answer of the command comes at its end.
        let line = serde_json::to_string(announced).unwrap_or_default();
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    })?;
    Ok(Report::new("serve", Outcome::Ok)
        .message(format!("ended; everything that was acknowledged is certified, up to height {height}"))
        .field("data", data)
        .field("height", height.to_string()))
}
