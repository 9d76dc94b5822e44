#!/usr/bin/env bash
# Makes this machine ready: `setup.sh build` for what building takes, `setup.sh web` for the verifier in
# JavaScript beside it, `setup.sh test` for what the tests take beside both, `setup.sh load` for load runs,
# `setup.sh peers` for what the checker is measured beside,
# `setup.sh fuzz` and `setup.sh miri` for what takes a nightly compiler. Installs what is missing and nothing else;
# running it again changes nothing.
# What cannot be installed is said, with what to do, and ends the script.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly WASM_TARGET=wasm32-unknown-unknown
readonly CARGO_DENY=0.20.2
readonly TLA_CHECKER=0.24.11
readonly CARGO_FUZZ=0.13.2
readonly NODE_MAJOR=20
readonly VENV=${CARGO_TARGET_DIR:-target}/venv

main() {
    case "${1:-test}" in
    build) for_building ;;
    web)
        for_building
        for_web
        ;;
    test)
        for_building
        for_web
        for_testing
        ;;
    load)
        for_building
        PATH="$PATH:/usr/sbin" need nats-server nats-server
        ;;
    peers)
        for_building
        for_peers
        ;;
    fuzz)
        nightly
        # libFuzzer itself is C++.
        need c++ g++
        if [ "$(cargo fuzz --version 2>/dev/null)" != "cargo-fuzz $CARGO_FUZZ" ]; then
            echo "setup: installing cargo-fuzz $CARGO_FUZZ (a minute, once)"
            cargo install --locked "cargo-fuzz@$CARGO_FUZZ" ||
                give_up "cargo-fuzz could not be installed: fuzzing needs it."
        fi
        ;;
    miri)
        nightly
        cargo +nightly miri --version >/dev/null 2>&1 || rustup component add miri rust-src --toolchain nightly ||
            give_up "rustup could not install Miri: rustup component add miri rust-src --toolchain nightly"
        ;;
    *) give_up "usage: scripts/setup.sh [build|web|test|load|peers|fuzz|miri]" ;;
    esac
    echo "setup: ready"
}

for_building() {
    need cc gcc libc6-dev
    need git git
    need curl curl
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

# Not pinned: what it finds is in the sources, whichever compiler finds it. Reports name the one that ran.
nightly() {
    need cc gcc libc6-dev
    has rustup || give_up "rustup is missing: https://rustup.rs installs it."
    cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal ||
        give_up "a nightly compiler is needed: rustup toolchain install nightly --profile minimal"
}

toolchain_is_whole() {
    [ -d "$(rustc --print target-libdir --target $WASM_TARGET 2>/dev/null)" ] &&
        cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1
}

for_web() {
    local found=
    if has node; then found=$(node --version); fi
    [ "${found#v}" ] && [ "$(cut -d. -f1 <<<"${found#v}")" -ge "$NODE_MAJOR" ] || give_up \
        "Node $NODE_MAJOR or later is needed, and this is ${found:-none}. https://nodejs.org has it; so do nvm and NodeSource."
    has npm || give_up "npm is missing beside $(command -v node): it comes with Node; on Debian, apt-get install npm."
    # npm notes there what it has installed: older than the lock file, it is out of date.
    if [ ! js/node_modules/.package-lock.json -nt js/package-lock.json ]; then
        echo "setup: installing the packages of js/package-lock.json"
        # Not `npm ci`: it demands an entry for every package of every other platform, and a mirror of the
        # registry may lack some. What is installed has the versions and the hashes of the lock file all the same.
        npm --prefix js install --no-save --no-audit --no-fund ||
            give_up "npm could not install the packages of js/package-lock.json: its messages above say why."
    fi
}

# Only hypercore's audit takes Node: without it that row says so, and the others are measured.
for_peers() {
    local packages=tests/peers/hypercore
    if [ ! "$packages/node_modules/.package-lock.json" -nt "$packages/package-lock.json" ]; then
        echo "setup: installing the packages of $packages/package-lock.json"
        { has npm && npm --prefix "$packages" install --no-save --no-audit --no-fund; } ||
            echo "setup: they could not be installed: hypercore's audit will not be measured"
    fi
}

for_testing() {
    # One test generates the Cap'n Proto bindings again and compares.
    need capnp capnproto
    # Proofs are checked, and the specification that is extracted from them is built and run.
    need coqc coq
    need ocamlopt ocaml-nox
    need ocamlfind ocaml-findlib
    # Instructions of the kernel are counted.
    need valgrind valgrind
    # Hashes are held to a program that is not ours.
    need b3sum b3sum
    if ! cargo deny --version >/dev/null 2>&1; then
        echo "setup: installing cargo-deny $CARGO_DENY (some minutes, once)"
        cargo install --locked "cargo-deny@$CARGO_DENY" ||
            give_up "cargo-deny could not be installed: the licence check needs it."
    fi
    # Checks the models of formal/tla, as TLC would, without Java.
    if ! tla --version 2>/dev/null | grep -qF " $TLA_CHECKER"; then
        echo "setup: installing tla-checker $TLA_CHECKER (some minutes, once)"
        cargo install --locked "tla-checker@$TLA_CHECKER" ||
            give_up "tla-checker could not be installed: the models of the protocol need it."
    fi
    # The verifier runs in a real browser too.
    [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || need chromium chromium
    for_python
}

# Third parties' Python: a WebAssembly engine, and a fuzzer of APIs.
for_python() {
    need python3 python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
    if [ ! "$VENV/installed" -nt tests/third_party/requirements.txt ]; then
        echo "setup: installing tests/third_party/requirements.txt into $VENV"
        python3 -m venv "$VENV" && "$VENV/bin/pip" install --quiet --requirement tests/third_party/requirements.txt ||
            give_up "tests/third_party/requirements.txt could not be installed from PyPI: tests of third parties need it."
        touch "$VENV/installed"
    fi
}

# need COMMAND PACKAGE…: the command is there, or Debian's packages bring it.
need() {
    local command=$1
    shift
    if has "$command"; then return; fi
    install "$@"
    has "$command" || give_up "$* is installed, but there still is no $command."
}

# install PACKAGE…: by Debian's package manager.
install() {
    has apt-get || give_up "install $* with your package manager."
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        { has sudo && sudo -n true 2>/dev/null; } ||
            give_up "$* is missing, and this user may not install it. Run: sudo apt-get install -y $*"
        sudo=(sudo -n)
    fi
    echo "setup: installing $*"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" || {
        "${sudo[@]}" apt-get update
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
    }
}

has() {
    command -v "$1" >/dev/null 2>&1
}

give_up() {
    echo "setup: $1" >&2
    exit 1
}

main "$@"
