#!/usr/bin/env bash
# Builds the kernel component in two folders and compares the hashes: a certificate names that hash,
# so everyone who builds this tree must get it.
#
# The host's own build script does the work, run from a tiny package, so that nothing of the host
# (Wasmtime above all) is compiled for it.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# copy FOLDER: this tree as it stands, without what git ignores.
copy() {
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard |
        while IFS= read -r -d '' file; do
            # A file can be deleted and still be in the index.
            if [ -e "$file" ]; then printf '%s\0' "$file"; fi
        done |
        tar --create --null --files-from=- | tar --extract --directory="$1"
}

# probe FOLDER: prints the kernel hash that building there gives.
probe() {
    local probe="$1/reproducible"
    mkdir -p "$probe/src"
    cp Cargo.lock "$probe/"
    echo >"$probe/src/lib.rs"
    {
        printf '[package]\nname = "reproducible"\nversion = "0.0.0"\nedition = "2024"\n'
        printf 'build = "../host/build.rs"\n[workspace]\n[build-dependencies]\n'
        # As the host has them; what the workspace says of blake3 is said here.
        sed -n '/^\[build-dependencies\]/,/^$/p' host/Cargo.toml | sed 1d | grep -v '^blake3'
        printf 'blake3 = "1"\n'
    } >"$probe/Cargo.toml"
    # One target folder for both, so that the build script's own dependencies are compiled once; the
    # kernel is compiled in a folder of its own either way.
    CARGO_TARGET_DIR="$work/target" cargo build --quiet --manifest-path "$probe/Cargo.toml" >&2 || exit 1
    local hash
    hash=$(find "$work/target" -path '*reproducible-*/out/kernel.hash' -newer "$probe/Cargo.toml")
    [ "$(printf '%s\n' "$hash" | grep -c .)" = 1 ] || { echo "no kernel was built in $1" >&2; exit 1; }
    od -An -v -tx1 "$hash" | tr -d ' \n'
}

copy "$work/a"
copy "$work/another/and longer folder"
first=$(probe "$work/a")
second=$(probe "$work/another/and longer folder")
echo "kernel in one folder:     $first"
echo "kernel in another folder: $second"
if [ "$first" != "$second" ]; then
    echo "the kernel's bytes depend on where it is built: a path, a time or a setting got in" >&2
    exit 1
fi
echo "one kernel"
