//! The component that is embedded: what it is, and that every engine runs it alike.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use omega_kernel::frame::LogHeader;
use omega_sheaf::check::{Judged, Log, judge};
use omega_sheaf::engine::{Execution, Kernel, Mode, Options};
use omega_sheaf::failure::{Code, HostCode};
use omega_sheaf::map::Source;
use wit_component::DecodedWasm;

fn options() -> Options {
    Options { compiler: Some(env!("CARGO_BIN_EXE_omega").into()), ..Options::default() }
}

/// Judges two empty logs.
fn judged(kernel: &Kernel) -> Judged {
    let log = |name| Source::from_bytes(name, LogHeader::new(name).unwrap().encode().to_vec());
    let (a, b) = (log("a"), log("b"));
    judge(kernel, &mut kernel.session().unwrap(), &[Log::whole(&a), Log::whole(&b)], 3, &mut |_| Ok(()))
        .unwrap()
}

#[test]
fn the_component_has_no_imports() {
    let kernel = Kernel::embedded(&options()).unwrap();
    let DecodedWasm::Component(resolve, world) = wit_component::decode(kernel.component()).unwrap() else {
        panic!("no component");
    };
    assert_eq!(resolve.worlds[world].imports.len(), 0);
    let exports: Vec<_> =
        resolve.worlds[world].exports.keys().map(|key| resolve.name_world_key(key)).collect();
    let expected = ["types", "session", "certificates"].map(|name| format!("omega:kernel/{name}@1.0.0"));
    assert_eq!(exports, expected);
}

#[test]
fn the_kernel_hash_is_plain_blake3_of_the_component() {
    let kernel = Kernel::embedded(&options()).unwrap();
    assert_eq!(kernel.hash(), blake3::hash(kernel.component()).as_bytes());
    assert_eq!(kernel.hash(), Kernel::embedded_hash());
}

#[test]
fn every_engine_gives_the_same_bytes_and_the_same_account_of_itself() {
    let native = Kernel::embedded(&Options { mode: Mode::Native, ..options() }).unwrap();
    assert!(!native.runs_component());
    let mut stranger = native.component().to_vec();
    stranger.extend_from_slice(b"\0\x02\x01x");
    for execution in [Execution::Cranelift, Execution::Pulley] {
        let options = Options { execution, ..options() };
        let embedded = Kernel::embedded(&options).unwrap();
        let from_file = Kernel::from_bytes(stranger.clone(), &options).unwrap();
        assert_ne!(from_file.hash(), embedded.hash());
        for kernel in [&embedded, &from_file] {
            assert!(kernel.runs_component());
            assert_eq!(judged(kernel), judged(&native), "{execution:?}");
            assert_eq!(kernel.describe().unwrap(), native.describe().unwrap());
        }
    }
    let refused = Kernel::from_bytes(stranger, &Options { mode: Mode::Dual, ..options() }).unwrap_err();
    assert_eq!(refused.code, Code::Host(HostCode::KernelUnknown));
}

/// A wrong entry in the cache is compiled again, and replaced.
#[test]
fn a_cache_that_was_tampered_with_changes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("cache");
    let options = Options { cache: Some(folder.clone()), ..options() };
    let expected = judged(&Kernel::embedded(&options).unwrap());
    let entry = entry_in(&folder);
    let kept = std::fs::read(&entry).unwrap();

    let mut changed = kept.clone();
    changed[kept.len() / 2] ^= 1;
    std::fs::write(&entry, changed).unwrap();
    assert_eq!(judged(&Kernel::embedded(&options).unwrap()), expected);
    assert_eq!(std::fs::read(&entry).unwrap(), kept);

    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(judged(&Kernel::embedded(&options).unwrap()), expected);
}

fn entry_in(folder: &Path) -> std::path::PathBuf {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| !path.ends_with("key")).unwrap()
}
