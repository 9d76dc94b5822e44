#!/usr/bin/env bash
# Builds the verifier for Node and browsers into js/dist: the loader, the kernel that the omega command at
# hand has built in, and the package around both. Puts the verify page beside that command, and the command
# centre into it: for that the command is built once more.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TARGET=${CARGO_TARGET_DIR:-target}

scripts/loader.sh
"$TARGET/release/omega" kernel export --output js/build/kernel.wasm >/dev/null
npm --prefix js run --silent build
# Where `omega bundle` looks for the page.
cp js/dist/page/index.html "$TARGET/release/verify.html"
# The page that `omega serve` shows is part of the command. Where it came out the same, nothing is built.
cargo build --release --locked --quiet -p omega-sheaf
