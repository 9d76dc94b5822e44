//! A checkout of the sources: is it whole, and are its frozen files those that this program knows?

use std::path::Path;

use data_encoding::HEXLOWER;
use omega_kernel::fault::FaultCode;
use omega_kernel::hash::{self, Hash};

use super::{Check, Status};
use crate::failure::Code;
use crate::files::read_small;

/// Folders of a checkout, each with a file that must be in it.
const LAYOUT: [(&str, &str); 5] = [
    ("wit", "kernel.wit"),
    ("kernel", "Cargo.toml"),
    ("host", "Cargo.toml"),
    ("schemas", "omega.capnp"),
    ("tests", ""),
];
/// Bytes that a frozen file may have: they have a few thousand.
const MAX_FROZEN_BYTES: u64 = 1 << 20;

/// Whether the folder is a checkout, though perhaps not a whole one.
pub fn is_one(root: &Path) -> bool {
    root.join("Cargo.toml").is_file()
        && LAYOUT.iter().filter(|(folder, file)| root.join(folder).join(file).exists()).count() >= 2
}

/// The layout and the frozen files.
pub fn checks(root: &Path, sources: bool) -> Vec<Check> {
    if !sources {
        let message = format!("{} is no checkout of the sources: nothing to compare", root.display());
        return vec![Check::new("checkout", Status::Skipped, message)];
    }
    vec![
        layout(root),
        frozen(root, "schema-file", "omega.capnp", &hash::SCHEMA_HASH),
        frozen(root, "predicate-file", "predicates.json", &hash::PREDICATE_HASH),
    ]
}

fn layout(root: &Path) -> Check {
    let missing: Vec<_> =
        LAYOUT.iter().filter(|(folder, file)| !root.join(folder).join(file).exists()).collect();
    let names = LAYOUT.map(|(folder, _)| folder).join(" ");
    if missing.is_empty() {
        return Check::new("checkout", Status::Ok, format!("{}: {names}", root.display()));
    }
    let missing: Vec<_> = missing.iter().map(|(folder, file)| format!("{folder}/{file}")).collect();
    Check::new("checkout", Status::Warning, format!("{} lacks {}", root.display(), missing.join(", ")))
        .advice("Restore it: git -C DIR checkout -- .")
}

/// Events and certificates are bound to the hashes of these files' exact bytes.
fn frozen(root: &Path, check: &'static str, file: &str, expected: &Hash) -> Check {
    let path = root.join("schemas").join(file);
    let found = match read_small(&path, MAX_FROZEN_BYTES, "a schema") {
        Ok(bytes) => hash::plain(&bytes),
        Err(failure) => {
            return Check::new(check, Status::Unchecked, format!("schemas/{file}: {}", failure.message))
                .code(failure.code)
                .advice(format!("Restore it: git checkout -- schemas/{file}"));
        }
    };
    let (found, expected) = (HEXLOWER.encode(&found), HEXLOWER.encode(expected));
    let check = if found == expected {
        Check::new(check, Status::Ok, format!("schemas/{file} has the hash that the checker names"))
    } else {
        Check::new(check, Status::Failed, format!("schemas/{file} is not the file that the checker names"))
            .code(Code::Kernel(FaultCode::BindingMismatch))
            .advice(format!(
                "It is frozen to the byte: git checkout -- schemas/{file} (git must not change its line ends). \
                 A checkout of another version needs the omega built from it."
            ))
    };
    check.detail("blake3", found).detail("expected", expected)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn repository() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn this_checkout_is_whole() {
        assert!(is_one(repository()));
        for check in checks(repository(), true) {
            assert_eq!(check.status, Status::Ok, "{check:?}");
        }
    }

    #[test]
    fn what_is_missing_or_changed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_one(folder.path()));
        assert_eq!(checks(folder.path(), false)[0].status, Status::Skipped);
        for (name, file) in [("kernel", "Cargo.toml"), ("host", "Cargo.toml"), ("schemas", "predicates.json")]
        {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join(file), "{}").unwrap();
        }
        fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        assert!(is_one(folder.path()));
        let checks = checks(folder.path(), true);
        assert_eq!(
            checks.iter().map(|check| check.status).collect::<Vec<_>>(),
            [Status::Warning, Status::Unchecked, Status::Failed]
        );
        assert!(checks[0].message.contains("wit/kernel.wit"), "{:?}", checks[0]);
        assert!(checks.iter().all(|check| check.advice.is_some()));
    }
}
