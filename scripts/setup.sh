#!/usr/bin/env bash
# Makes this machine ready: `setup.sh build` for what building takes, `setup.sh test` for what the
# tests take beside it. Installs what is missing and nothing else; running it again changes nothing.
# What cannot be installed is said, with what to do, and ends the script.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly WASM_TARGET=wasm32-unknown-unknown
readonly CARGO_DENY=0.20.2

main() {
    case "${1:-test}" in
    build) for_building ;;
    test)
        for_building
        for_testing
        ;;
    *) give_up "usage: scripts/setup.sh [build|test]" ;;
    esac
    echo "setup: ready"
}

for_building() {
    need cc gcc libc6-dev
    need git git
    has rustup || give_up "rustup is missing: https://rustup.rs installs it. rust-toolchain.toml says which compiler."
    if toolchain_is_whole; then return; fi
    echo "setup: fetching the toolchain that rust-toolchain.toml names"
    # Without arguments: toolchain, components and targets of rust-toolchain.toml. Before rustup 1.28 `show` did it.
    rustup toolchain install || rustup show
    toolchain_is_whole || give_up \
        "the compiler has no library for $WASM_TARGET, or clippy or rustfmt is missing.
Without access to rustup's server, build the kernel component elsewhere and set
OMEGA_KERNEL_COMPONENT to that file: then no $WASM_TARGET is needed."
}

toolchain_is_whole() {
    [ -d "$(rustc --print target-libdir --target $WASM_TARGET 2>/dev/null)" ] &&
        cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1
}

for_testing() {
    # One test generates the Cap'n Proto bindings again and compares.
    need capnp capnproto
    if ! cargo deny --version >/dev/null 2>&1; then
        echo "setup: installing cargo-deny $CARGO_DENY (some minutes, once)"
        cargo install --locked "cargo-deny@$CARGO_DENY" ||
            give_up "cargo-deny could not be installed: the licence check needs it."
    fi
}

# need COMMAND PACKAGE…: the command is there, or Debian's packages bring it.
need() {
    local command=$1
    shift
    if has "$command"; then return; fi
    has apt-get || give_up "$command is missing: install $* with your package manager."
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        { has sudo && sudo -n true 2>/dev/null; } ||
            give_up "$command is missing, and this user may not install it. Run: sudo apt-get install -y $*"
        sudo=(sudo -n)
    fi
    echo "setup: installing $*"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" || {
        "${sudo[@]}" apt-get update
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
    }
    has "$command" || give_up "$* is installed, but there still is no $command."
}

has() {
    command -v "$1" >/dev/null 2>&1
}

give_up() {
    echo "setup: $1" >&2
    exit 1
}

main "$@"
