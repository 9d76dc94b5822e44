#!/bin/sh
# Builds the kernel component in two folders and compares: one source, one compiler, one hash.
#
#   tests/reproducible.sh [REVISION]    (default: HEAD)
#
# Prints the hash. Builds the embedded component only (`host/build.rs` without the host), one to
# two minutes.
set -eu

revision=${1:-HEAD}
root=$(git rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

build() { # FOLDER
    mkdir -p "$1"
    git -C "$root" archive "$revision" | tar -x -C "$1"
    # The build script is the one the host uses, run by a crate that has no other purpose.
    mkdir -p "$1/only-the-kernel/src"
    cp "$1/host/build.rs" "$1/only-the-kernel/build.rs"
    : >"$1/only-the-kernel/src/lib.rs"
    sed -n '/^\[build-dependencies\]/,/^$/p' "$1/host/Cargo.toml" >"$1/build-dependencies"
    cat - "$1/build-dependencies" >"$1/only-the-kernel/Cargo.toml" <<-'MANIFEST'
	[package]
	name = "only-the-kernel"
	version = "0.0.0"
	edition = "2024"
	publish = false

	MANIFEST
    sed -i 's/^members = .*/members = ["kernel", "host", "only-the-kernel"]/' "$1/Cargo.toml"
    # Not `--locked`: the copy's lock file gets the new member. The kernel itself builds `--locked`.
    # The build script's own dependencies are shared; the kernel is built anew in each `OUT_DIR`.
    rm -rf "$work"/target/debug/build/only-the-kernel-*
    (cd "$1" && CARGO_TARGET_DIR="$work/target" CARGO_PROFILE_DEV_DEBUG=0 cargo build --quiet --package only-the-kernel)
    find "$work/target" -name kernel.hash -exec od -An -v -tx1 {} + | tr -d ' \n'
}

first=$(build "$work/one")
second=$(RUSTFLAGS='-C debuginfo=2' build "$work/another/place/with a space")
if [ "${#first}" != 64 ]; then
    echo "no kernel hash was made: '$first'" >&2
    exit 1
fi
if [ "$first" != "$second" ]; then
    echo "two folders, two kernels: $first and $second" >&2
    exit 1
fi
echo "$first"
