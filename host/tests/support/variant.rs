//! Kernels that are ours but for one change: built from the sources, or by changing one constant.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use omega_kernel::hash::Domain;
use omega_sheaf::engine::Kernel;
use wit_component::ComponentEncoder;

/// Ours under another hash: with a section that says nothing.
pub fn benign(section: &[u8]) -> Vec<u8> {
    let length = u8::try_from(section.len() + 1).unwrap();
    [Kernel::embedded_component(), &[0, length, length - 1], section].concat()
}

/// Ours with one hash's key changed: it makes one kind of mistake.
pub fn mistaken(domain: Domain) -> Vec<u8> {
    let mut component = Kernel::embedded_component().to_vec();
    let places: Vec<usize> =
        (0..component.len() - 31).filter(|&at| component[at..].starts_with(&domain.key)).collect();
    assert_eq!(places.len(), 1, "the key of {:?} does not stand in the component once", domain.context);
    component[places[0]] ^= 1;
    component
}

/// Ours, but that it traps on an event whose payload has 13 bytes. Kept, under the hash of what it is
/// made from.
pub fn trapping_on_thirteen() -> Vec<u8> {
    built(
        "kernel/src/entry.rs",
        "lamport: view.lamport,",
        "lamport: if view.payload_len == 13 { panic!() } else { view.lamport },",
    )
}

fn built(file: &str, from: &str, to: &str) -> Vec<u8> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut sources = Vec::new();
    for part in ["kernel/src", "wit", "schemas"] {
        gather(&workspace.join(part), &mut sources);
    }
    sources.extend(
        ["Cargo.lock", "kernel/Cargo.toml", "Cargo.toml", "rust-toolchain.toml"]
            .map(|name| workspace.join(name)),
    );
    let mut hash = blake3::Hasher::new();
    sources.iter().for_each(|path| _ = hash.update(&fs::read(path).unwrap()));
    hash.update(file.as_bytes()).update(from.as_bytes()).update(to.as_bytes());
    let variants = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("variants");
    let kept = variants.join(format!("{}.wasm", hash.finalize().to_hex()));
    if let Ok(component) = fs::read(&kept) {
        return component;
    }

    let copy = tempfile::tempdir().unwrap();
    for path in sources {
        let name = path.strip_prefix(workspace).unwrap().to_str().unwrap();
        let mut text = fs::read(&path).unwrap();
        let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        if name == file {
            assert_eq!(text_of(&text).matches(from).count(), 1, "{from} does not stand once in {file}");
            text = text_of(&text).replace(from, to).into_bytes();
        }
        if name == "Cargo.toml" {
            let whole = text_of(&text);
            let members = whole.lines().find(|line| line.starts_with("members = ")).expect("a workspace");
            text = whole.replace(members, r#"members = ["kernel"]"#).into_bytes();
        }
        if name == "kernel/Cargo.toml" {
            text = text_of(&text).replace("[[test]]\nname = \"all\"\n", "").into_bytes();
        }
        let to = copy.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, text).unwrap();
    }
    let module = cargo(copy.path(), &variants.join("build"));
    let component = ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap();
    fs::create_dir_all(&variants).unwrap();
    fs::write(&kept, &component).unwrap();
    component
}

/// As `host/build.rs` does it, but that it need not be small. By the very compiler that built this
/// test: nothing is asked of rustup, which may fetch another one.
fn cargo(workspace: &Path, target: &Path) -> Vec<u8> {
    let cargo = Path::new(env!("CARGO"));
    let rustc = cargo.with_file_name("rustc");
    assert!(cargo.is_absolute() && rustc.exists(), "there is no compiler beside {}", cargo.display());
    let mut cargo = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().into_owned();
        let of_rustup = text.starts_with("RUSTUP");
        if (text.starts_with("CARGO") && text != "CARGO_HOME") || (text.starts_with("RUST") && !of_rustup) {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .current_dir(workspace)
        .args(["rustc", "--package", "omega-kernel", "--lib", "--crate-type", "cdylib", "--release"])
        .args(["--features", "component", "--offline", "--target", "wasm32-unknown-unknown"])
        .arg("--target-dir")
        .arg(target)
        .env("RUSTFLAGS", "-Ctarget-feature=+simd128 -Clink-arg=--initial-memory=2097152")
        .envs([("CARGO_PROFILE_RELEASE_PANIC", "abort"), ("CARGO_PROFILE_RELEASE_DEBUG", "0")])
        .env("RUSTC", rustc)
        .env("RUSTUP_AUTO_INSTALL", "0")
        .output()
        .unwrap();
    assert!(built.status.success(), "no kernel was built:\n{}", String::from_utf8_lossy(&built.stderr));
    fs::read(target.join("wasm32-unknown-unknown/release/omega_kernel.wasm")).unwrap()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.push(path);
        }
    }
}
