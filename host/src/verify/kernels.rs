//! The kernels at hand: the one built in and those given as files, each known by its hash.

use std::collections::BTreeMap;
use std::path::PathBuf;

use omega_kernel::certificate::Binding;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;

use crate::batch::{self, MAX_KERNEL_BYTES};
use crate::engine::{Kernel, Mode, Options};
use crate::failure::{Failure, HostCode};
use crate::map::Source;

/// Kernels by hash. Each is compiled when it is first needed, and always runs as the component:
/// what certificates name is its bytes, not its source.
#[derive(Debug)]
pub struct Kernels {
    options: Options,
    files: BTreeMap<Hash, (PathBuf, Vec<u8>)>,
    ready: BTreeMap<Hash, Kernel>,
}

impl Kernels {
    /// Takes the built-in kernel and those in files.
    ///
    /// # Errors
    /// Those of reading.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut options = Options::from_environment()?;
        if options.mode == Mode::Native {
            options.mode = Mode::Wasm;
        }
        let mut files = BTreeMap::new();
        for path in paths {
            let bytes = Source::open(path)?.read_all(MAX_KERNEL_BYTES)?;
            files.insert(*blake3::hash(&bytes).as_bytes(), (path.clone(), bytes));
        }
        Ok(Kernels { options, files, ready: BTreeMap::new() })
    }

    /// Whether the kernel with this hash is at hand.
    pub fn holds(&self, hash: &Hash) -> bool {
        hash == Kernel::embedded_hash() || self.files.contains_key(hash)
    }

    /// The kernel that a certificate is bound to, once it was seen to say of itself what the
    /// certificate says of it.
    ///
    /// # Errors
    /// `kernel-unknown` where it is not at hand, `binding-mismatch` where it is another version or
    /// judges by another schema or catalog; what compiling it ran into.
    pub fn bound(&mut self, binding: &Binding) -> Result<Kernel, Failure> {
        let hash = &binding.kernel_hash;
        if let Some(kernel) = self.ready.get(hash) {
            says(kernel, binding)?;
            return Ok(kernel.clone());
        }
        let kernel = if hash == Kernel::embedded_hash() {
            Kernel::embedded(&self.options)?
        } else if let Some((path, bytes)) = self.files.get(hash) {
            let options = Options { mode: Mode::Wasm, ..self.options.clone() };
            Kernel::from_bytes(bytes.clone(), &options).map_err(|failure| failure.file(path))?
        } else {
            return Err(unknown(hash));
        };
        self.ready.insert(*hash, kernel.clone());
        says(&kernel, binding)?;
        Ok(kernel)
    }
}

/// The kernel's own account of itself must be the one that it is bound by.
fn says(kernel: &Kernel, binding: &Binding) -> Result<(), Failure> {
    let said = batch::binding(kernel)?;
    let difference = if said.checker_version != binding.checker_version {
        "checker version"
    } else if said.schema_version != binding.schema_version {
        "schema version"
    } else if said.schema_hash != binding.schema_hash {
        "schema"
    } else if said.predicate_hash != binding.predicate_hash {
        "predicate catalog"
    } else {
        return Ok(());
    };
    let message = format!("the kernel that is named has another {difference} than is stated");
    Err(Fault::new(FaultCode::BindingMismatch, message).into())
}

fn unknown(hash: &Hash) -> Failure {
    let hash = data_encoding::HEXLOWER.encode(hash);
    let message = format!("the kernel {}… that judged is not at hand", &hash[..16]);
    Failure::new(HostCode::KernelUnknown, message)
        .hint(format!("Give its component with --kernel FILE; `b3sum FILE` must print {hash}."))
}
