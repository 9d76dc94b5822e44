#!/usr/bin/env bash
# Checks the Lean project where Lean is installed; says loudly that nothing was checked where it is not.
set -euo pipefail
cd "$(dirname "$0")"

# Comments included: nothing here speaks of them.
if grep -nwE 'sorry|admit|axiom|native_decide|unsafe|implemented_by' ./*.lean Omega/*.lean; then
    echo "formal/lean leaves something out: the lines above" >&2
    exit 1
fi
if ! command -v lake >/dev/null; then
    echo "SKIPPED: no Lean on this machine (no lake): the proofs in formal/lean were NOT checked by this run."
    echo "skipped: formal/lean; install $(cat lean-toolchain) with elan, then run formal/lean/check.sh"
    exit 0
fi
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=../../$target ;; esac
target=$target/formal/lean
mkdir -p "$target"
# Lake builds beside its sources: those are copied, so that nothing is written into the tree.
cp -r ./*.lean lakefile.toml lean-toolchain Omega "$target/"
cd "$target"
lake build 2>&1 | tee build.log
if grep -nE "declaration uses" build.log; then
    echo "formal/lean is not whole: the lines above" >&2
    exit 1
fi
echo "$(lake env lean --version): formal/lean holds"
