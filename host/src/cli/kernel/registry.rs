//! `omega kernel list|add|inspect`: the kernels of a node.

use std::path::{Path, PathBuf};

use omega_verify::MAX_KERNEL_BYTES;
use serde_json::Value;

use crate::batch;
use crate::failure::Failure;
use crate::files;
use crate::report::{Outcome, Report, plural};
use crate::serve::client::{Client, Target};

/// Flags of `kernel list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega kernel list --data node
  omega kernel list --url https://node.example --token-file token")]
pub struct ListArgs {
    /// The node
    #[command(flatten)]
    pub target: Target,
}

/// Flags of `kernel add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega kernel add --data node kernel.wasm

The file is compiled in a process of its own, under limits, and asked what it
is. Nothing changes until it is put in place: omega kernel swap.")]
pub struct AddArgs {
    /// The component
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The node
    #[command(flatten)]
    pub target: Target,
}

/// Flags of `kernel inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega kernel inspect kernel.wasm
  omega kernel inspect --data node e8bf5d4d39dcbcc2…   (all 64 digits)")]
pub struct InspectArgs {
    /// A file, or the hash of a kernel that the node has
    #[arg(value_name = "KERNEL")]
    pub kernel: String,
    /// The node
    #[command(flatten)]
    pub target: Target,
}

/// Lists them.
pub fn list(args: &ListArgs) -> Result<Report, Failure> {
    let said = args.target.with(|node| node.get("/api/kernels"))?;
    let kernels = said["kernels"].as_array().cloned().unwrap_or_default();
    let report = Report::new("kernel", Outcome::Ok)
        .message(plural(kernels.len() as u64, "kernel"))
        .field("kernels", said["kernels"].clone());
    Ok(kernels.iter().fold(report, |report, kernel| {
        let judges = if kernel["active"] == true { "  judges now" } else { "" };
        report.line(format!("  {}{judges}", kernel["hash"].as_str().unwrap_or_default()))
    }))
}

/// Adds one.
pub fn add(args: &AddArgs) -> Result<Report, Failure> {
    let said = args.target.with(|node| post_file(node, &args.file))?;
    let hash = said["hash"].as_str().unwrap_or_default().to_owned();
    Ok(described(Report::new("kernel", Outcome::Ok).message(format!("kernel {hash} is there")), &said)
        .hint(format!("See what it would change, then put it in place: omega kernel diff {hash}; omega kernel swap {hash}")))
}

/// Says what it is.
pub fn inspect(args: &InspectArgs) -> Result<Report, Failure> {
    let path = Path::new(&args.kernel);
    let said = if path.exists() {
        let kernel = batch::kernel(Some(path), None)?;
        let said = kernel.describe()?;
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        serde_json::json!({
            "hash": hex(kernel.hash()),
            "bytes": kernel.component().len(),
            "checker_version": said.checker_version,
            "schema_version": said.schema_version,
            "state_format": said.state_format,
            "schemas": said.schemas.iter().map(|hash| hex(hash)).collect::<Vec<_>>(),
            "predicates": hex(&said.predicates),
        })
    } else {
        let kernel = hash_of(&args.kernel)?;
        args.target.with(|node| node.get(&format!("/api/kernels/{kernel}")))?
    };
    Ok(described(Report::new("kernel", Outcome::Ok).message("what the kernel says of itself"), &said))
}

/// A kernel as it was named: a file, which is added first, or a hash.
pub fn named(node: &Client, name: &str) -> Result<String, Failure> {
    let path = Path::new(name);
    if !path.exists() {
        return hash_of(name);
    }
    Ok(post_file(node, path)?["hash"].as_str().unwrap_or_default().to_owned())
}

fn post_file(node: &Client, path: &Path) -> Result<Value, Failure> {
    let bytes = files::read_small(path, MAX_KERNEL_BYTES, "a kernel")?;
    node.post("/api/kernels", "application/wasm", &bytes).map_err(|failure| failure.file(path))
}

fn hash_of(name: &str) -> Result<String, Failure> {
    let digits = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    match digits {
        true => Ok(name.to_ascii_lowercase()),
        false => Err(Failure::usage(format!("{name} is neither a file nor 64 hex digits"))
            .hint("`omega kernel list` shows the kernels of a node.")),
    }
}

fn described(report: Report, said: &Value) -> Report {
    let names =
        ["hash", "bytes", "checker_version", "schema_version", "state_format", "schemas", "predicates"];
    names.into_iter().fold(report, |report, name| {
        let value = &said[name];
        let shown = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        };
        let report = report.line(format!("  {name:<16} {shown}"));
        report.field(if name == "hash" { "kernel_hash" } else { name }, value.clone())
    })
}
