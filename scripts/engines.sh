#!/usr/bin/env bash
# Judges all vectors and generated batches on six engines, compares the bytes of all answers, and writes
# the table. `engines.sh COUNT PAGE` judges so many batches and writes it into that page; without a page it is
# only printed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TARGET=${CARGO_TARGET_DIR:-target}
readonly FOLDER=$TARGET/engines
readonly COUNT=${1:?how many generated batches?}
shift

rm -rf "$FOLDER"
# With the features of the whole workspace: those that the tests have compiled Wasmtime with.
cargo build --quiet --release --locked --workspace --example engines
"$TARGET/release/examples/engines" "$FOLDER" "$COUNT"
node js/scripts/engines.mjs "$FOLDER"
PYTHONDONTWRITEBYTECODE=1 "$TARGET/venv/bin/python" tests/third_party/engines.py "$FOLDER"
python3 scripts/engines_table.py "$FOLDER" "$@"
