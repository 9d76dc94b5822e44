#!/usr/bin/env bash
# Builds the loader: js/loader for wasm32, and the JavaScript around it, into js/build/loader (or the
# folder that is named). The bytes depend on the sources, Cargo.lock and the compiler alone.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly WASM_TARGET=wasm32-unknown-unknown
readonly OUT=${1:-js/build/loader}
readonly TARGET=${CARGO_TARGET_DIR:-target}
# Bytes that the loader may have once it is compressed: it stands on a page.
readonly MOST=204800

main() {
    build
    cargo run --release --locked --quiet --manifest-path js/bind/Cargo.toml --target-dir "$TARGET/bind" -- \
        "$TARGET/$WASM_TARGET/loader/omega_loader.wasm" "$OUT"
    measure
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

measure() {
    local module=$OUT/loader_bg.wasm bytes
    if ! command -v brotli >/dev/null; then
        echo "loader: $(stat -c %s "$module") bytes; skipped: no brotli to say how many on the wire"
        return
    fi
    bytes=$(brotli -q 11 --stdout "$module" | wc -c)
    echo "loader: $(stat -c %s "$module") bytes, $bytes with brotli"
    if [ "$bytes" -gt "$MOST" ]; then
        echo "loader: more than $MOST bytes with brotli" >&2
        exit 1
    fi
}

main "$@"
