//! Tools that building takes, and what the system grants this program.

use std::path::Path;
use std::process::{Command, Stdio};

use omega_kernel::describe::describe;
use rustix::process::{Resource, getrlimit};
use serde_json::json;

use super::{Check, Status};
use crate::engine::{Limits, Options, cache_is_usable};
use crate::files::read_small;

const TARGET: &str = "wasm32-unknown-unknown";
/// Address space that an instance reserves for its 32-bit memory, and room for all else.
const ADDRESS_SPACE_BYTES: u64 = 12 << 30;

/// Compilers, and what helps to check by hand.
pub fn tools(root: &Path, sources: bool) -> Vec<Check> {
    let toolchain = sources.then(|| channel(root)).flatten();
    let ask = |program: &str, arguments: &[&str]| answer(program, arguments, toolchain.as_deref());
    let needed = |name, program: &'static str| match ask(program, &["--version"]) {
        Some(version) => Check::new(name, Status::Ok, version),
        None if sources => Check::new(name, Status::Warning, format!("{program} does not run"))
            .advice("To build from source, install Rust: https://rustup.rs"),
        None => not_installed(name, program, "needed only to build from source"),
    };
    let optional = |name, program: &'static str, what: &str| match ask(program, &["--version"]) {
        Some(version) => Check::new(name, Status::Ok, version),
        None => not_installed(name, program, what),
    };
    let mut rustc = needed("rustc", "rustc");
    if let (Status::Ok, Some(wanted)) = (rustc.status, &toolchain)
        && !rustc.message.contains(&format!(" {wanted} "))
    {
        rustc.status = Status::Warning;
        rustc.message = format!("{}, but this checkout wants {wanted}", rustc.message);
        rustc.advice = Some(format!(
            "rustup toolchain install {wanted}: another compiler makes a checker with another hash"
        ));
    }
    let libraries = ask("rustc", &["--print", "target-libdir", "--target", TARGET]);
    let target = match libraries.as_deref().map(Path::new) {
        Some(folder) if folder.is_dir() => {
            Check::new("wasm-target", Status::Ok, format!("{TARGET} is installed"))
        }
        Some(_) if sources => {
            Check::new("wasm-target", Status::Warning, format!("the compiler has no library for {TARGET}"))
                .advice(format!(
                    "rustup target add {TARGET}, or set OMEGA_KERNEL_COMPONENT to a built checker"
                ))
        }
        _ => Check::new("wasm-target", Status::Skipped, "needed only to build from source"),
    };
    vec![
        rustc,
        needed("cargo", "cargo"),
        target,
        optional("capnp", "capnp", "it only regenerates the committed bindings"),
        optional("b3sum", "b3sum", "it only recomputes hashes by hand"),
    ]
}

/// The cache, the processor, and limits.
pub fn checks() -> Vec<Check> {
    vec![cache(), processor(), address_space(), limits()]
}

fn not_installed(name: &'static str, program: &str, why: &str) -> Check {
    Check::new(name, Status::Skipped, format!("{program} is not installed: {why}"))
}

/// What a program prints, on one line. It is started in the root folder, never in the checkout: a
/// toolchain file there could name any program as the compiler.
fn answer(program: &str, arguments: &[&str], toolchain: Option<&str>) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/").stdin(Stdio::null());
    // To look is not to install.
    command.env("RUSTUP_AUTO_INSTALL", "0");
    if let Some(toolchain) = toolchain {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    let line: String = String::from_utf8_lossy(&output.stdout).lines().next()?.chars().take(200).collect();
    Some(line)
}

/// The compiler version that the checkout pins, where it is a plain version number.
fn channel(root: &Path) -> Option<String> {
    let text = String::from_utf8(read_small(&root.join("rust-toolchain.toml"), 1 << 16, "it").ok()?).ok()?;
    let file: toml::Table = text.parse().ok()?;
    let channel = file.get("toolchain")?.get("channel")?.as_str()?;
    let plain = channel.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    plain.then(|| channel.to_owned())
}

fn cache() -> Check {
    let folder = match Options::from_environment() {
        Ok(Options { cache: Some(folder), .. }) => folder,
        _ => {
            return Check::new("cache", Status::Warning, "no folder to keep compiled checkers in")
                .advice("Set XDG_CACHE_HOME or HOME; without it each command compiles anew.");
        }
    };
    let shown = folder.display().to_string();
    let check = if cache_is_usable(&folder) {
        Check::new("cache", Status::Ok, format!("compiled checkers are kept in {shown}"))
    } else {
        Check::new("cache", Status::Warning, format!("{shown} cannot be used: it must be yours alone"))
            .advice(format!(
                "chmod 700 {shown} (its files 600), or move it away: each command compiles anew."
            ))
    };
    check.detail("folder", shown)
}

/// What the hashes run on. Nothing depends on it but time.
fn processor() -> Check {
    let features = features();
    let name = std::env::consts::ARCH;
    if features.is_empty() {
        return Check::new("simd", Status::Warning, format!("{name}: no SIMD that the hashes know"))
            .advice("Verdicts are the same; hashing is slower.");
    }
    Check::new("simd", Status::Ok, format!("{name} with {}", features.join(" "))).detail("features", features)
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let known = [
        ("sse2", std::arch::is_x86_feature_detected!("sse2")),
        ("sse4.1", std::arch::is_x86_feature_detected!("sse4.1")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vl", std::arch::is_x86_feature_detected!("avx512vl")),
        ("pclmulqdq", std::arch::is_x86_feature_detected!("pclmulqdq")),
    ];
    known.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    let known = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("crc", std::arch::is_aarch64_feature_detected!("crc")),
        ("aes", std::arch::is_aarch64_feature_detected!("aes")),
    ];
    known.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

fn address_space() -> Check {
    match getrlimit(Resource::As).current {
        None => Check::new("address-space", Status::Ok, "not limited"),
        Some(bytes) if bytes >= ADDRESS_SPACE_BYTES => {
            Check::new("address-space", Status::Ok, format!("limited to {} MiB: enough", bytes >> 20))
        }
        Some(bytes) => Check::new(
            "address-space",
            Status::Warning,
            format!("limited to {} MiB; an instance reserves 4 GiB for its memory", bytes >> 20),
        )
        .advice("ulimit -v unlimited"),
    }
}

fn limits() -> Check {
    let (caps, engine) = (describe().limits, Limits::default());
    let message = format!(
        "{} events and {} logs a batch, {} KiB a payload, {} MiB of memory",
        caps.batch_events,
        caps.logs,
        caps.payload_bytes >> 10,
        engine.memory_bytes_max >> 20,
    );
    Check::new("limits", Status::Ok, message)
        .detail(
            "checker",
            json!({
                "payload_bytes": caps.payload_bytes,
                "deps": caps.deps,
                "logs": caps.logs,
                "batch_events": caps.batch_events,
                "state_ids": caps.state_ids,
                "body_bytes": caps.body_bytes,
                "chunk_bytes": caps.chunk_bytes,
            }),
        )
        .detail(
            "engine",
            json!({
                "memory_bytes": engine.memory_bytes,
                "memory_per_input_byte": engine.memory_per_input_byte,
                "memory_bytes_max": engine.memory_bytes_max,
                "table_elements": engine.table_elements,
                "stack_bytes": engine.stack_bytes,
                "base_seconds": engine.base_time.as_secs(),
                "input_bytes_per_further_second": engine.bytes_per_second,
                "component_bytes": engine.component_bytes,
            }),
        )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_plain_version_is_handed_to_rustup() {
        let folder = tempfile::tempdir().unwrap();
        let with = |text: &str| {
            fs::write(folder.path().join("rust-toolchain.toml"), text).unwrap();
            channel(folder.path())
        };
        assert_eq!(with("[toolchain]\nchannel = \"1.95.0\"").as_deref(), Some("1.95.0"));
        assert_eq!(with("[toolchain]\nchannel = \"/tmp/evil\""), None);
        assert_eq!(with("[toolchain]\npath = \"/tmp/evil\""), None);
        assert_eq!(with("not toml ["), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_no_failure() {
        assert_eq!(answer("omega-no-such-program", &["--version"], None), None);
        assert!(answer("rustc", &["--version"], None).unwrap().starts_with("rustc "));
    }

    #[test]
    fn every_check_has_something_to_say() {
        for check in checks() {
            assert!(!check.message.is_empty());
            assert!(check.status <= Status::Warning, "{check:?}");
        }
    }
}
