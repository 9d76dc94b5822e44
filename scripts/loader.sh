#!/usr/bin/env bash
# Builds the loader: js/loader for wasm32, and the JavaScript around it, into js/build/loader (or the
# folder that is named). The bytes depend on the sources, Cargo.lock and the compiler alone.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly WASM_TARGET=wasm32-unknown-unknown
readonly OUT=${1:-js/build/loader}
readonly TARGET=${CARGO_TARGET_DIR:-target}

main() {
    build
    cargo run --release --locked --quiet --manifest-path js/bind/Cargo.toml --target-dir "$TARGET/bind" -- \
        "$TARGET/$WASM_TARGET/loader/omega_loader.wasm" "$OUT"
    node js/loader/tests/smoke.mjs "$OUT"
}

build() {
    local commit flags
    commit=$(rustc --verbose --version | sed -n 's/^commit-hash: //p')
    flags=(
        "--remap-path-prefix=$PWD=/omega"
        "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
        "--remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=/rustc/$commit"
    )
    # A library of two crate types would be linked without optimisation across crates.
    # Not the user's flags: theirs would change the bytes.
    env -u RUSTFLAGS CARGO_ENCODED_RUSTFLAGS="$(printf '%s\x1f' "${flags[@]}" | sed 's/\x1f$//')" \
        cargo rustc --profile loader --locked -p omega-loader --lib --crate-type cdylib \
        --target "$WASM_TARGET"
}

main "$@"
