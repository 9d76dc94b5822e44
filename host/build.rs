//! Builds the kernel for wasm32, makes a component of it and leaves it, with its BLAKE3 hash, to
//! be embedded: `kernel.wasm` and `kernel.hash` in `OUT_DIR`.
//!
//! The bytes depend on the sources, `Cargo.lock` and the compiler, and on nothing else: the nested
//! cargo has its own target folder, sees none of the outer build's flags or profile settings, and
//! all paths are remapped. `OMEGA_KERNEL_COMPONENT=FILE` embeds that component instead.
//!
//! Beside it leaves the page that `omega serve` shows, `oc2.html`: the one that `make web` built, or a
//! small one that says how to build it. `OMEGA_OC2_PAGE=FILE` embeds that file instead.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wit_component::{ComponentEncoder, DecodedWasm};

const TARGET: &str = "wasm32-unknown-unknown";
const COMPONENT_VARIABLE: &str = "OMEGA_KERNEL_COMPONENT";
const PAGE_VARIABLE: &str = "OMEGA_OC2_PAGE";

fn main() -> Result<()> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let workspace = manifest.parent().context("the host crate stands in its workspace")?;

    println!("cargo::rerun-if-env-changed={COMPONENT_VARIABLE}");
    let component = match env::var_os(COMPONENT_VARIABLE).filter(|file| !file.is_empty()) {
        Some(file) => {
            let file = workspace.join(file);
            println!("cargo::rerun-if-changed={}", file.display());
            fs::read(&file).with_context(|| format!("{COMPONENT_VARIABLE}: {}", file.display()))?
        }
        None => {
            for input in ["kernel", "wit", "Cargo.lock", "Cargo.toml", "rust-toolchain.toml", "host/build.rs"]
            {
                println!("cargo::rerun-if-changed={}", workspace.join(input).display());
            }
            let module = fs::read(build_module(workspace, &out.join("kernel"))?)?;
            ComponentEncoder::default().validate(true).module(&module)?.encode()?
        }
    };
    refuse_imports(&component)?;

    fs::write(out.join("kernel.hash"), blake3::hash(&component).as_bytes())?;
    fs::write(out.join("kernel.wasm"), component)?;
    fs::write(out.join("oc2.html"), page(workspace)?)?;
    Ok(())
}

/// The page of `omega serve`. It is built with the command that it becomes a part of, so a first build
/// has none; building again after `make web` puts it in.
fn page(workspace: &Path) -> Result<Vec<u8>> {
    println!("cargo::rerun-if-env-changed={PAGE_VARIABLE}");
    if let Some(file) = env::var_os(PAGE_VARIABLE).filter(|file| !file.is_empty()) {
        let file = workspace.join(file);
        println!("cargo::rerun-if-changed={}", file.display());
        return fs::read(&file).with_context(|| format!("{PAGE_VARIABLE}: {}", file.display()));
    }
    let built = workspace.join("js/dist/oc2/index.html");
    let instead = workspace.join("host/src/serve/http/no_page.html");
    // What is not there cannot be watched: cargo would build everything anew each time. Where it will be, can.
    let watched = built.ancestors().find(|path| path.exists()).unwrap_or(workspace);
    println!("cargo::rerun-if-changed={}", watched.display());
    println!("cargo::rerun-if-changed={}", instead.display());
    let page = if built.exists() { &built } else { &instead };
    fs::read(page).with_context(|| page.display().to_string())
}

/// Builds the core module; its path.
fn build_module(workspace: &Path, target_folder: &Path) -> Result<PathBuf> {
    let compiler = Compiler::of_this_build()?;
    let flags = [
        "-Ctarget-feature=+simd128".to_owned(),
        // Only what is marked for it is inlined where it is large: the component is downloaded. What is hot is
        // marked: what this costs in speed is hardly more than the noise (BENCHMARKS.md).
        "-Cllvm-args=-inline-threshold=10".to_owned(),
        // Memory comes by the large page from the first byte on (`kernel/src/heap.rs`).
        "-Clink-arg=--initial-memory=2097152".to_owned(),
        remap(workspace, "/omega"),
        remap(&compiler.cargo_home, "/cargo"),
        remap(&compiler.sysroot.join("lib/rustlib/src/rust"), &format!("/rustc/{}", compiler.commit)),
        remap(target_folder, "/target"),
    ];

    let mut cargo = Command::new(variable("CARGO")?);
    for (name, _) in env::vars_os().filter(|(name, _)| changes_the_build(name)) {
        cargo.env_remove(name);
    }
    let built = cargo
        .current_dir(workspace)
        .args(["rustc", "--package", "omega-kernel", "--lib", "--crate-type", "cdylib"])
        .args(["--features", "component", "--release", "--locked", "--target", TARGET])
        .arg("--target-dir")
        .arg(target_folder)
        .env("RUSTC", &compiler.rustc)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        // One profile, whatever the workspace or the user's settings say of others. Overflow
        // checks are the workspace's: on for the kernel, off for what it depends on.
        .envs([
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2"),
            ("CARGO_PROFILE_RELEASE_LTO", "fat"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
            ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
            ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
            ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
            ("CARGO_PROFILE_RELEASE_INCREMENTAL", "false"),
        ])
        .status()
        .context("cargo could not be started")?;
    ensure!(built.success(), "the kernel did not build for {TARGET}: cargo's messages above say why");
    Ok(target_folder.join(TARGET).join("release/omega_kernel.wasm"))
}

/// The compiler that builds the host builds the kernel too.
struct Compiler {
    rustc: OsString,
    sysroot: PathBuf,
    commit: String,
    cargo_home: PathBuf,
}

impl Compiler {
    fn of_this_build() -> Result<Self> {
        let rustc = variable("RUSTC")?;
        let ask = |arguments: &[&str]| -> Result<String> {
            let answer =
                Command::new(&rustc).args(arguments).output().context("rustc could not be started")?;
            ensure!(
                answer.status.success(),
                "rustc {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&answer.stderr)
            );
            Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
        };
        let libraries = PathBuf::from(ask(&["--print", "target-libdir", "--target", TARGET])?);
        if !libraries.is_dir() {
            bail!(
                "this compiler cannot build the kernel: its library for {TARGET} is missing.\n\
                 Run `rustup target add {TARGET}` and build again, or set {COMPONENT_VARIABLE} to a \
                 kernel component that was built elsewhere."
            );
        }
        let version = ask(&["--verbose", "--version"])?;
        let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
        let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = || env::home_dir().map(|home| home.join(".cargo"));
        Ok(Compiler {
            sysroot: ask(&["--print", "sysroot"])?.into(),
            commit: commit.unwrap_or("unknown").to_owned(),
            cargo_home: cargo_home.or_else(home).context("neither CARGO_HOME nor HOME is set")?,
            rustc,
        })
    }
}

/// True for variables by which an outer build, or a user, would change the kernel's bytes.
fn changes_the_build(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    let kept = ["CARGO_HOME", "CARGO_MAKEFLAGS"];
    let network = name.starts_with("CARGO_NET_")
        || name.starts_with("CARGO_HTTP_")
        || name.starts_with("CARGO_REGISTR");
    let of_cargo = name.starts_with("CARGO") && !network && !kept.contains(&name.as_ref());
    of_cargo
        || name.starts_with("RUSTC")
        || name.starts_with("RUSTDOC")
        || ["RUSTFLAGS", "TARGET", "HOST", "PROFILE", "OPT_LEVEL", "DEBUG", "NUM_JOBS", "OUT_DIR"]
            .contains(&name.as_ref())
}

/// A kernel that wants anything from its host is none.
fn refuse_imports(component: &[u8]) -> Result<()> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("the kernel is no WebAssembly component");
    };
    let imports = &resolve.worlds[world].imports;
    let names: Vec<_> = imports.keys().map(|key| resolve.name_world_key(key)).collect();
    ensure!(names.is_empty(), "the kernel must have no imports, but wants {}", names.join(", "));
    Ok(())
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

fn variable(name: &str) -> Result<OsString> {
    env::var_os(name).with_context(|| format!("cargo did not set {name}"))
}
