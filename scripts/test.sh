#!/usr/bin/env bash
# Everything that must hold before a change goes in. Runs all steps also when one fails, shows what the
# test runner said last, and ends with one summary. `--full` adds the long runs.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TARGET=${CARGO_TARGET_DIR:-target}
ignored=()
full_models=()
full=no
if [ "${1:-}" = --full ]; then
    full=yes
    ignored=(-- --include-ignored)
    full_models=(--full)
fi

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
summary=()
failed=0

# step NAME COMMAND…
step() {
    local name=$1 start=$SECONDS status=0
    shift
    printf '\n== %s\n$ %s\n' "$name" "$*"
    "$@" 2>&1 | tee "$logs/$name" || status=$?
    local verdict=ok
    if [ "$status" != 0 ]; then
        verdict="FAILED ($status)"
        failed=1
    fi
    summary+=("$(printf '%-16s %-12s %5d s' "$name" "$verdict" $((SECONDS - start)))")
}

demo() {
    # The tests have just built the command; a build of it alone could choose other features.
    OMEGA="$TARGET/release/omega" TRACE="${TRACE:-}" tests/demo.sh
}

# third_party FILE: one of the tests of what others run, in their language.
third_party() {
    OMEGA="$TARGET/release/omega" PYTHONDONTWRITEBYTECODE=1 "$TARGET/venv/bin/python" "tests/third_party/$1"
}

# Requests of every kind that the node's document allows, and of many that it does not.
api_fuzz() {
    if [ "$full" = yes ]; then
        EXAMPLES=2000 third_party test_api.py
    else
        third_party test_api.py
    fi
}

step format cargo fmt --all --check
step dependencies cargo deny --locked check bans licenses sources
step generator cargo deny --manifest-path js/bind/Cargo.toml --config deny.toml --locked check bans licenses sources
step peers cargo deny --manifest-path scripts/peers/Cargo.toml --config deny.toml --locked check bans licenses sources
step bench-peers-deps cargo deny --manifest-path tests/peers/Cargo.toml --config deny.toml --locked \
    check bans licenses sources
step bench-peers-fmt cargo fmt --all --check --manifest-path tests/peers/Cargo.toml
step fuzz-deps cargo deny --manifest-path fuzz/Cargo.toml --config deny.toml --locked check bans licenses sources
step fuzz-format cargo fmt --all --check --manifest-path fuzz/Cargo.toml
step kani-format cargo fmt --all --check --manifest-path formal/kani/Cargo.toml
step clippy cargo clippy --release --workspace --all-targets --locked -- -D warnings
step clippy-wasm cargo clippy --release --locked -p omega-kernel --features component \
    --target wasm32-unknown-unknown -- -D warnings
step clippy-verify cargo clippy --release --locked -p omega-verify --target wasm32-unknown-unknown -- -D warnings
step clippy-loader cargo clippy --profile loader --locked -p omega-loader --target wasm32-unknown-unknown -- -D warnings
step rocq formal/rocq/check.sh
step lean formal/lean/check.sh
step tests cargo test --release --workspace --locked --no-fail-fast "${ignored[@]}"
# What fuzzing starts from, through its targets; and the bounded proofs, over some values. Neither with the host.
step fuzz-clippy cargo clippy --release --locked --manifest-path fuzz/Cargo.toml --no-default-features --all-targets \
    --target-dir "$TARGET/fuzz-check" -- -D warnings
step fuzz-corpora cargo test --release --locked --manifest-path fuzz/Cargo.toml --no-default-features \
    --target-dir "$TARGET/fuzz-check"
step kani-sampled make --no-print-directory kani
step reproducible tests/reproducible.sh
step tla formal/tla/check.sh "${full_models[@]}"
step web scripts/web.sh
step web-check npm --prefix js run --silent check
step web-tests npm --prefix js test --silent
step engines scripts/engines.sh 200
step instructions tests/instructions/count.py --omega "$TARGET/release/omega"
step instruct-tests env PYTHONDONTWRITEBYTECODE=1 tests/instructions/test_count.py
step audit third_party test_audit.py
step engines-table third_party test_engines_table.py
step api-fuzz api_fuzz
step demo demo
load() { scripts/setup.sh load && scripts/load.sh; }
# Its own clippy and tests, then all contenders once over a few events; nothing is written.
bench_peers() {
    local flags=(--release --locked --ignore-rust-version --manifest-path tests/peers/Cargo.toml
        --target-dir "$TARGET/bench-peers")
    scripts/setup.sh peers &&
        cargo clippy "${flags[@]}" --all-targets -- -D warnings &&
        OMEGA=$(realpath "$TARGET/release/omega") cargo test "${flags[@]}" &&
        cargo build --quiet "${flags[@]}" &&
        "$TARGET/bench-peers/release/omega-peers" measure --omega "$TARGET/release/omega" --events 300 --turns 1
}
if [ "$full" = yes ]; then
    step bench-peers bench_peers
    step load load
    step fuzz-smoke make --no-print-directory fuzz-smoke
    step fuzz-seeded make --no-print-directory fuzz-seeded
    step miri make --no-print-directory miri
fi

printf '\n== what the test runner said last\n'
grep -E '^(     Running|   Doc-tests|test result:)' "$logs/tests" || echo "nothing: it did not get that far"
skipped=$(grep -hE '^test .* \.\.\. ignored|^skipped:' "$logs"/{tests,lean,kani-sampled,instructions} || true)
if [ -n "$skipped" ]; then
    printf '\n== not run here\n%s\n' "$skipped"
fi

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
counted=("$logs"/{tests,fuzz-corpora,kani-sampled,web-tests,instruct-tests,audit,engines-table,api-fuzz})
if [ "$full" = yes ]; then counted+=("$logs/bench-peers"); fi
# Cargo's lines, Node's, and those of Python's unittest.
awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
    /^ℹ pass / { passed += $3 }
    /^ℹ fail / { failed += $3 }
    /^ℹ skipped / { ignored += $3 }
    /^Ran [0-9]+ tests? in / { ran = $2 }
    /^OK/ { passed += ran }
    /^FAILED \(/ { bad = 0; while (match($0, /=[0-9]+/)) {
        bad += substr($0, RSTART + 1, RLENGTH - 1); $0 = substr($0, RSTART + RLENGTH) }
        failed += bad; passed += ran - bad }
    END { printf "tests: %d passed, %d failed, %d ignored\n", passed, failed, ignored }' \
    "${counted[@]}"
[ "$full" = yes ] && echo "long runs: included" || echo "long runs: not included (make test-full)"
if [ "$failed" != 0 ]; then
    echo "RESULT: FAILED"
    exit 1
fi
echo "RESULT: ok"
