#!/usr/bin/env bash
# Runs fuzz targets and says what came of it.
#
#   fuzz/run.sh [--seconds N] [--cpu] [--seeded] [--minimize] [TARGET…]
#
# Each target runs N seconds (60), on one core, one after the other, from its committed inputs and what earlier
# runs found (target/fuzz-found, which may be removed). The table, with inputs tried, coverage and inputs kept, also
# goes to target/fuzz-found/figures.md. A finding ends the run of its target: its input and what it said lie beside
# that table, and the script fails in the end.
#   --cpu       N are seconds of computing, not of the clock: where others use the machine too, it takes longer.
#   --seeded    builds the targets with one defect each (fuzz/src/subject.rs), starts from the committed inputs alone,
#               and fails where a defect is NOT found.
#   --minimize  then leaves in fuzz/corpus the smallest set of inputs that reaches as much.
# Without a TARGET, all. `import` and `http` bring the host, and so Wasmtime: building them takes long, once.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly KERNEL_TARGETS=(frame event certificate snapshot proof session)
readonly HOST_TARGETS=(import http)
readonly TARGET=${CARGO_TARGET_DIR:-target}
readonly BUILT=$TARGET/fuzz
# Longer inputs cost time and reach nothing new: every cap that is in reach lies below.
readonly MOST_BYTES=16384
# Whatever hangs or swells is a finding too.
readonly MOST_SECONDS_FOR_ONE=20 MOST_MEGABYTES=2048
# What a target's committed inputs may come to; fuzz/tests/corpus.rs holds them to a little more.
readonly MOST_COMMITTED_BYTES=150000
readonly PROGRAMS=$BUILT/$(rustc -vV | sed -n 's/^host: //p')/release

seconds=60
by_cpu=no
seeded=no
minimize=no
targets=()

main() {
    while [ $# -gt 0 ]; do
        case "$1" in
        --seconds)
            [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || usage
            seconds=$2
            shift
            ;;
        --cpu) by_cpu=yes ;;
        --seeded) seeded=yes ;;
        --minimize) minimize=yes ;;
        -*) usage ;;
        *)
            [[ " ${KERNEL_TARGETS[*]} ${HOST_TARGETS[*]} " == *" $1 "* ]] || usage
            targets+=("$1")
            ;;
        esac
        shift
    done
    [ ${#targets[@]} -gt 0 ] || targets=("${KERNEL_TARGETS[@]}" "${HOST_TARGETS[@]}")

    found=$TARGET/fuzz-found
    [ "$seeded" = no ] || found=$TARGET/fuzz-seeded
    mkdir -p "$found"
    build
    {
        echo "| target | outcome | CPU, s | inputs tried | per CPU second | edges | features | inputs kept | bytes kept | memory, MB |"
        echo "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    } >"$found/figures.md"
    failed=0
    for target in "${targets[@]}"; do
        fuzz "$target"
        [ "$minimize" = no ] || keep "$target"
    done
    echo
    cat "$found/figures.md"
    if [ "$failed" != 0 ]; then
        echo "fuzz: FAILED"
        exit 1
    fi
    echo "fuzz: ok"
}

# Builds what is asked for: where that is the kernel's targets alone, nothing waits for Wasmtime.
build() {
    local features=() host=no target
    for target in "${targets[@]}"; do
        [[ " ${HOST_TARGETS[*]} " != *" $target "* ]] || host=yes
    done
    [ "$host" = no ] || features+=(host)
    [ "$seeded" = no ] || features+=(seeded)
    # No target runs a kernel: the smallest component stands where the host's build embeds one.
    printf '\0asm\x0d\0\x01\0' >"$found/no-kernel.wasm"
    # No address sanitizer: the code is safe Rust, and without it three times as many inputs are tried.
    local joined
    joined=$(IFS=,; echo "${features[*]}")
    cargo +nightly metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
    OMEGA_KERNEL_COMPONENT=$(realpath "$found/no-kernel.wasm") \
        cargo +nightly fuzz build --fuzz-dir fuzz --target-dir "$BUILT" --sanitizer none --features "$joined"
}

# fuzz TARGET
fuzz() {
    local target=$1 log=$found/$1.log kept=$found/corpus/$1 status=0 outcome=ok tried=0 used=0 spent
    [ "$seeded" = no ] || rm -rf "$kept"
    mkdir -p "$kept"
    rm -f "$found/$target"-*
    echo "fuzz: $target, $seconds s"
    local options=(
        -max_len=$MOST_BYTES -timeout=$MOST_SECONDS_FOR_ONE -rss_limit_mb=$MOST_MEGABYTES -print_final_stats=1
        -artifact_prefix="$found/$target-" -verbosity=1
    )
    [ ! -f "fuzz/dictionaries/$target" ] || options+=(-dict="fuzz/dictionaries/$target")
    # libFuzzer looks at the clock: it is started again until enough was computed.
    for _ in {1..100}; do
        spent=$(
            TIMEFORMAT='%U %S'
            { time "$PROGRAMS/$target" "${options[@]}" -max_total_time=$((seconds - used)) \
                "$kept" "fuzz/corpus/$target" >"$log" 2>&1; } 2>&1
        ) || status=$?
        used=$(awk -v used="$used" 'END { print int(used + $1 + $2 + 0.5) }' <<<"$spent")
        tried=$((tried + $(figure "$log" stat::number_of_executed_units || true) + 0))
        if [ "$status" != 0 ] || [ "$by_cpu" = no ] || [ "$used" -ge "$seconds" ]; then break; fi
    done
    if [ "$status" != 0 ]; then
        outcome="FINDING after $tried inputs"
        grep -aE -m1 -A3 'panicked at|^==[0-9]+== ERROR|ALARM' "$log" | cut -c1-200 || tail -5 "$log" | cut -c1-200
        echo "fuzz: $target: $(find "$found" -maxdepth 1 -name "$target-*" | head -1) (see $log)"
    fi
    case "$seeded:$status" in
    no:0) ;;
    yes:0)
        outcome="NOT FOUND"
        failed=1
        ;;
    no:*) failed=1 ;;
    esac
    tell "$target" "$outcome" "$log" "$kept" "$used" "$tried" >>"$found/figures.md"
}

# tell TARGET OUTCOME LOG KEPT CPU_SECONDS TRIED: its line of the table.
tell() {
    local last
    last=$(grep -aE '^#[0-9]+.* cov: ' "$3" | tail -1 || true)
    printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$2" "$5" "$6" $(($6 / ($5 > 0 ? $5 : 1))) \
        "$(sed -nE 's/.* cov: ([0-9]+).*/\1/p' <<<"$last")" "$(sed -nE 's/.* ft: ([0-9]+).*/\1/p' <<<"$last")" \
        "$(find "$4" -type f | wc -l)" "$(find "$4" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }')" \
        "$(figure "$3" stat::peak_rss_mb)"
}

# figure LOG NAME
figure() {
    sed -nE "s/^$2: *([0-9]+)/\1/p" "$1" | tail -1
}

# keep TARGET: the smallest set of the committed and the found inputs that reaches as much is committed, the
# shortest first, as far as there is room.
keep() {
    local smallest=$found/smallest/$1 size file room=$MOST_COMMITTED_BYTES
    rm -rf "$smallest"
    mkdir -p "$smallest"
    "$PROGRAMS/$1" -merge=1 -max_len=2048 "$smallest" "fuzz/corpus/$1" "$found/corpus/$1" >"$found/$1.merge.log" 2>&1
    rm -f "fuzz/corpus/$1"/*
    while read -r size file; do
        room=$((room - size))
        [ "$room" -ge 0 ] || break
        cp "$file" "fuzz/corpus/$1/"
    done < <(find "$smallest" -type f -printf '%s %p\n' | sort -n)
}

usage() {
    echo "usage: fuzz/run.sh [--seconds N] [--cpu] [--seeded] [--minimize] [${KERNEL_TARGETS[*]} ${HOST_TARGETS[*]}]" >&2
    exit 2
}

main "$@"
exit
