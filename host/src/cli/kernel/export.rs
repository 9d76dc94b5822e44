//! `omega kernel export`: for whoever runs the checker without this program.

use std::path::PathBuf;

use data_encoding::HEXLOWER;

use crate::engine::{Kernel, Mode, Options};
use crate::failure::Failure;
use crate::files;
use crate::outputs::{Kind, Outputs};
use crate::report::{Outcome, Report};
use crate::summary::grouped;

/// Flags of `kernel export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  omega kernel export
  omega kernel export --output kernel.wasm && b3sum kernel.wasm

The file's BLAKE3 is the kernel hash that certificates name. Any WebAssembly
runtime with components runs it; give it to `omega verify --kernel` where
another build of this program is used.")]
pub struct Args {
    /// Where the component goes
    #[arg(long, value_name = "FILE", default_value = "kernel.wasm")]
    pub output: PathBuf,
}

/// Writes it.
pub fn run(args: &Args) -> Result<Report, Failure> {
    Outputs::default().writes("--output", &args.output, Kind::Kernel).check()?;
    // Nothing is run, so nothing is compiled.
    let kernel = Kernel::embedded(&Options { mode: Mode::Native, ..Options::default() })?;
    let (component, hash) = (kernel.component(), HEXLOWER.encode(kernel.hash()));
    files::write_whole(&args.output, Kind::Kernel, component)?;
    Ok(Report::new("kernel", Outcome::Ok)
        .message(format!(
            "kernel {hash}, {} bytes, is in {}",
            grouped(&component.len().to_string()),
            args.output.display()
        ))
        .field("kernel_hash", hash)
        .field("output", args.output.display().to_string())
        .field("bytes", component.len()))
}
