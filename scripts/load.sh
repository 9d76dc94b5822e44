#!/usr/bin/env bash
# How much a node takes in, on this machine: at the rates that it is meant for, as much as it can, at half
# of that, with kernels that change places, and over time; beside SQLite and NATS JetStream in the same run.
#
#   scripts/load.sh [SECONDS] [SOAK_SECONDS]     default: 20 each, and a soak of 600
#
# Every part runs alone, one after the other: ratios hold for a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SECONDS_EACH=${1:-20} SOAK=${2:-600}
readonly TARGET=${CARGO_TARGET_DIR:-target}
readonly OMEGA="$TARGET/release/omega"
work=$(mktemp -d)
node_pid=
# Events a second, by format.
declare -A reached

main() {
    cargo build --release --locked --quiet -p omega-sheaf --bin omega --example load
    printf 'machine: %s processors, %s\n' "$(nproc)" "$(uname -sr)"
    printf '%-34s %12s %9s %9s %9s  %s\n' "" events/s "p50 ms" "p99 ms" "max ms" ""
    local format goal
    for goal in omega:50000 json:20000; do
        format=${goal%:*}
        fresh "$format-${goal#*:}"
        load "$format" --seconds "$SECONDS_EACH" --rate "${goal#*:}" --most $((SECONDS_EACH * ${goal#*:} + 10000))
        row "$format, at ${goal#*:} events/s"
        fresh "$format"
        load "$format" --seconds "$SECONDS_EACH" --most $((SECONDS_EACH * 400000))
        reached[$format]=$(field 'int(it["events"] / it["seconds"])')
        row "$format, 1,000 a request"
        restart
        load "$format" --seconds "$SECONDS_EACH" --rate $((reached[$format] / 2)) \
            --most $((SECONDS_EACH * reached[$format])) --first-node 1000 --seed 2
        row "$format, at half that rate"
        stop
    done
    peers
    swaps
    soak
}

# Starts a node on a new folder; its own log stays beside it.
fresh() {
    stop
    data="$work/$1"
    start
}

start() {
    # It is looked into before the shell may have opened it for the node.
    : >"$data.err"
    RUST_LOG=warn "$OMEGA" serve --data "$data" --listen 127.0.0.1:0 --audit-seconds 0 \
        >"$data.out" 2>>"$data.err" &
    node_pid=$!
    for _ in $(seq 600); do
        url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$data.err")
        [ -n "$url" ] && return
        kill -0 "$node_pid" 2>/dev/null || break
        sleep 0.1
    done
    cat "$data.err" >&2
    exit 1
}

restart() {
    stop
    start
}

stop() {
    if [ -n "$node_pid" ]; then
        kill "$node_pid"
        wait "$node_pid" || { cat "$data.err" >&2 && exit 1; }
        node_pid=
    fi
}

end() {
    [ -z "$node_pid" ] || kill -9 "$node_pid" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT

# load FORMAT FLAGS…: what it says is in $work/said.
load() {
    local format=$1
    shift
    "$TARGET/release/examples/load" --url "$url" --token-file "$data/token" --format "$format" "$@" >"$work/said"
}

# field EXPRESSION: of what the last load said.
field() {
    python3 -c 'import json, sys; it = json.load(open(sys.argv[1])); print('"$1"')' "$work/said"
}

row() {
    field '"%-34s %12.0f %9.1f %9.1f %9.1f  %s" % ("'"$1"'", it["events"] / it["seconds"],
        *((it["microseconds"][name] or 0) / 1000 for name in ("p50", "p99", "max")),
        "%d refused, %d failed" % (it["refused"], it["failed"]))'
}

# Others, with the same events: 256 bytes, 1,000 at a time.
peers() {
    cargo build --release --locked --quiet --manifest-path scripts/peers/Cargo.toml --target-dir "$TARGET/peers"
    "$TARGET/peers/release/omega-load-peers" "$SECONDS_EACH" "${reached[omega]}" "${reached[json]}"
}

# Kernels that change places while 50,000 events/s come: ours, and ours with a section that says nothing.
swaps() {
    fresh swaps
    local loading pauses=() step answer
    "$OMEGA" kernel export --output "$work/other.wasm" >"$work/exported" 2>&1
    printf '\0\5\4load' >>"$work/other.wasm"
    load omega --seconds "$SECONDS_EACH" --rate 50000 --most $((SECONDS_EACH * 50000 + 10000)) &
    loading=$!
    while kill -0 $loading 2>/dev/null; do
        for step in "swap $work/other.wasm" rollback; do
            # shellcheck disable=SC2086
            answer=$("$OMEGA" kernel $step --data "$data" 2>"$work/swap.err") || { cat "$work/swap.err" >&2 && exit 1; }
            pauses+=("$(sed 's/.*"pause_us":\([0-9]*\).*/\1/' <<<"$answer")")
        done
    done
    wait $loading
    row "omega, kernels changing places"
    printf '%s\n' "${pauses[@]}" | sort -n | awk '{ all[NR] = $1 / 1000 }
        END { printf "%d swaps: pause between two batches %.2f ms (median), %.2f ms (most)\n", NR, all[int((NR + 1) / 2)], all[NR] }'
    stop
}

# Megabytes of the node in memory.
memory() {
    echo $(($(awk '/^VmRSS/ { print $2 }' "/proc/$node_pid/status") / 1024))
}

# A steady rate for long: memory and files must not grow but by what is stored.
soak() {
    fresh soak
    local sampling end=$((SECONDS + SOAK))
    load omega --seconds "$SOAK" --rate 5000 --events 500 --most $((SOAK * 5000 + 10000)) &
    sampling=$!
    printf '\nsoak: 5,000 events/s for %s s\n%8s %12s %10s %14s %10s\n' "$SOAK" s "RSS MB" files "segments MB" height
    while kill -0 $sampling 2>/dev/null && [ $SECONDS -lt $((end + 60)) ]; do
        printf '%8s %12s %10s %14s %10s\n' $((SOAK - (end - SECONDS))) \
            "$(memory)" \
            "$(find "/proc/$node_pid/fd" -mindepth 1 | wc -l)" \
            "$(du -sm "$data/segments" | cut -f1)" \
            "$(curl -s "$url/api/status" | sed 's/.*"height":"\([0-9]*\)".*/\1/')"
        sleep $((SOAK / 20 > 1 ? SOAK / 20 : 1))
    done
    wait $sampling
    row "soak"
    # What a node takes that has just read the same events: anything beyond that was a leak.
    restart
    printf 'after a restart with these events: %s MB\n' "$(memory)"
    stop
}

main
