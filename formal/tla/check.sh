#!/usr/bin/env bash
# Model-checks the protocol: every model of models.tsv comes to what stands there, a violation by its name and a
# sound model with as many states as there. A model that suddenly explores nothing is noticed so, and so is a defect
# that is no longer found. `--full` adds the large models; `check.sh NAME…` runs those alone; `--count` prints the
# table with the states that were found.
set -euo pipefail
cd "$(dirname "$0")"

readonly CHECKER=tla
readonly JOBS=${JOBS:-2}

main() {
    local share=test count=no names=()
    for argument in "$@"; do
        case "$argument" in
        --full) share=full ;;
        --count) count=yes ;;
        -*) give_up "usage: formal/tla/check.sh [--full] [--count] [MODEL…]" ;;
        *) names+=("$argument") ;;
        esac
    done
    command -v "$CHECKER" >/dev/null || give_up "tla is missing: cargo install --locked tla-checker@0.24.11"
    results=$(mktemp -d)
    trap 'rm -rf "$results"' EXIT
    for config in models/*.cfg; do
        grep -q "^$(basename "$config" .cfg)	" models.tsv || give_up "$config has no line in models.tsv"
    done
    chosen "$share" "${names[@]}" >"$results/chosen"
    [ -s "$results/chosen" ] || give_up "no such model in models.tsv"
    # The longest first, so that nothing long is left for the end.
    sort -t '	' -k 5,5 -rn "$results/chosen" | cut -f 1,2 |
        xargs -P "$JOBS" -L 1 bash -c 'run "$1" "$2" "$3"' _ "$results"
    judge "$count" <"$results/chosen"
}

# chosen SHARE NAME…: lines of the table.
chosen() {
    local share=$1
    shift
    awk -F '\t' -v share="$share" -v names=" $* " '
        $1 == "model" || /^#/ { next }
        names ~ /[^ ]/ ? index(names, " " $1 " ") : $3 == "test" || share == "full"' models.tsv
}

# run RESULTS MODEL MODULE: leaves what the checker said, and its exit code.
run() {
    local status=0 begun
    begun=$(date +%s%N)
    tla "$3.tla" --config "models/$2.cfg" --max-states 20000000 --max-depth 1000 >"$1/$2" 2>&1 || status=$?
    echo "exit $status" >>"$1/$2"
    echo "took $((($(date +%s%N) - begun) / 1000000))" >>"$1/$2"
}
export -f run

# judge COUNT: holds what was found against the table.
judge() {
    local failed=0 total=0
    while IFS='	' read -r model module share expected states; do
        local said=$results/$model found how took
        took=$(sed -n 's/^took //p' "$said")
        found=$(sed -nE 's/^ *Reachable states: //p' "$said")
        how=$(sed -nE 's/^Invariant [0-9]+ \((.*)\) violated!/\1/p; s/^Liveness property violated: //p
            s/^Property violated: //p; s/^Property .*\((.*)\) violated.*/\1/p' "$said" | head -1)
        if grep -q '^exit 0$' "$said" && grep -q '^Model checking complete. No errors found.' "$said"; then how=ok; fi
        if [ "$1" = yes ]; then
            printf '%s\t%s\t%s\t%s\t%s\n' "$model" "$module" "$share" "${how:-?}" "${found:--}"
            continue
        fi
        total=$((total + ${found:-0}))
        if [ "${how:-nothing}" != "$expected" ] || { [ "$states" != - ] && [ "${found:-0}" != "$states" ]; }; then
            failed=1
            printf '%-36s FAILED: %s with %s states, and not %s with %s\n' \
                "$model" "${how:-no result}" "${found:-no}" "$expected" "$states"
            tail -25 "$said"
        else
            printf '%-36s %-30s %8s states %6d ms\n' "$model" "$(told "$how")" "${found:-}" "$took"
        fi
    done
    [ "$1" = yes ] || printf 'tla: %s states in sound models\n' "$total"
    return $failed
}

told() {
    if [ "$1" = ok ]; then echo "holds"; else echo "finds $1"; fi
}

give_up() {
    echo "formal/tla/check.sh: $1" >&2
    exit 1
}

main "$@"
