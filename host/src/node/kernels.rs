//! The registry of kernels: a folder of components, each named by the BLAKE3 of its bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::HEXLOWER;
use omega_kernel::hash::Hash;
use omega_verify::MAX_KERNEL_BYTES;

use crate::engine::{Kernel, Mode, Options};
use crate::failure::{Failure, HostCode};
use crate::files;
use crate::outputs::Kind;

/// The kernels of a node. Cheap to share.
#[derive(Debug, Clone)]
pub struct Kernels {
    folder: PathBuf,
    options: Arc<Options>,
    /// Compiled ones, the newest last.
    compiled: Arc<Mutex<Vec<Kernel>>>,
}

/// One that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// BLAKE3 of its bytes.
    pub hash: Hash,
    /// Bytes.
    pub bytes: u64,
}

impl Kernels {
    /// Opens the registry, with the kernel that is built in; makes it where there is none.
    ///
    /// # Errors
    /// `write-failed`.
    pub fn open(folder: &Path, options: Options) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| files::unwritable(&error, folder))?;
        let (folder, options) = (folder.to_owned(), Arc::new(options));
        let kernels = Kernels { folder, options, compiled: Arc::default() };
        kernels.add(Kernel::embedded_component())?;
        Ok(kernels)
    }

    /// Adds a component, which must be a kernel in its form alone: it is not run here. Gives its hash.
    ///
    /// # Errors
    /// `write-failed`.
    pub fn add(&self, component: &[u8]) -> Result<Hash, Failure> {
        let hash = *blake3::hash(component).as_bytes();
        let path = self.path(&hash);
        if self.read(&hash)?.is_none() {
            files::write_whole(&path, Kind::Kernel, component)?;
        }
        Ok(hash)
    }

    /// Compiles a component that is not in the registry, without keeping it.
    ///
    /// # Errors
    /// Those of compiling.
    pub fn try_out(&self, component: Vec<u8>) -> Result<Kernel, Failure> {
        Kernel::from_bytes(component, &Options { mode: Mode::Wasm, ..(*self.options).clone() })
    }

    /// Those that are there, by hash.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn all(&self) -> Result<Vec<Kept>, Failure> {
        let entries = fs::read_dir(&self.folder).map_err(|error| files::unreadable(&error, &self.folder))?;
        let mut all: Vec<Kept> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let digits = name.to_str()?.strip_suffix(".wasm")?.as_bytes();
                let hash = HEXLOWER.decode(digits).ok()?.try_into().ok()?;
                Some(Kept { hash, bytes: entry.metadata().ok()?.len() })
            })
            .collect();
        all.sort_by_key(|kept| kept.hash);
        Ok(all)
    }

    /// The bytes with a hash; none where there are none. What has another hash than its name is as good
    /// as not there.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(&self, hash: &Hash) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.path(hash);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = files::read_small(&path, MAX_KERNEL_BYTES, "a kernel")?;
        Ok((blake3::hash(&bytes).as_bytes() == hash).then_some(bytes))
    }

    /// Finds a kernel, compiled: the one with a hash, or the one that is built in. Beside a native one
    /// stands the component that signs for it.
    ///
    /// # Errors
    /// `kernel-unknown` where it is not there; those of compiling.
    pub fn find(&self, hash: Option<&Hash>) -> Result<(Kernel, Option<Kernel>), Failure> {
        let hash = *hash.unwrap_or(Kernel::embedded_hash());
        if hash == *Kernel::embedded_hash() && self.options.mode == Mode::Native {
            let native = Kernel::embedded(&self.options)?;
            return Ok((native, Some(self.component(&hash)?)));
        }
        Ok((self.component(&hash)?, None))
    }

    fn component(&self, hash: &Hash) -> Result<Kernel, Failure> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernel) = compiled.iter().find(|kernel| kernel.hash() == hash) {
            return Ok(kernel.clone());
        }
        let bytes = self.read(hash)?.ok_or_else(|| {
            let message = format!("kernel {} is not in the registry", HEXLOWER.encode(hash));
            Failure::new(HostCode::KernelUnknown, message).hint("Add its file: omega kernel add FILE")
        })?;
        // Both builds together exist of the one that is built in; any other is a component alone.
        let ours = hash == Kernel::embedded_hash();
        let mode = if ours && self.options.mode == Mode::Dual { Mode::Dual } else { Mode::Wasm };
        let kernel = Kernel::from_bytes(bytes, &Options { mode, ..(*self.options).clone() })?;
        compiled.push(kernel.clone());
        Ok(kernel)
    }

    fn path(&self, hash: &Hash) -> PathBuf {
        self.folder.join(format!("{}.wasm", HEXLOWER.encode(hash)))
    }
}
