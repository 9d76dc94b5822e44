#!/usr/bin/env bash
# Has TLC, the checker that comes with TLA+, explore the models of models.tsv: the same text, judged by other code than
# check.sh has. Every model must come to what stands there: a violation by its name, a sound model with as many states.
#
#     TLC=tla2tools.jar formal/tla/tlc.sh [--full] [MODEL…]
#
# TLC is a class path: the jar of TLA+'s tools, or folders of classes. Needs Java 11 or later. No step of `make test`.
set -euo pipefail
cd "$(dirname "$0")"

main() {
    local share=test names=() failed=0 total=0
    for argument in "$@"; do
        case "$argument" in
        --full) share=full ;;
        -*) give_up "usage: TLC=tla2tools.jar formal/tla/tlc.sh [--full] [MODEL…]" ;;
        *) names+=("$argument") ;;
        esac
    done
    [ -n "${TLC:-}" ] || give_up "TLC is not set: the class path of TLA+'s tools, as tla2tools.jar"
    command -v java >/dev/null || give_up "java is missing: Java 11 or later"
    results=$(mktemp -d)
    trap 'rm -rf "$results"' EXIT
    while IFS='	' read -r model module expected states; do
        total=$((total + 1))
        explore "$model" "$module"
        judge "$model" "$expected" "$states" || failed=1
    done < <(chosen "$share" "${names[@]}")
    [ "$total" -gt 0 ] || give_up "no such model in models.tsv"
    printf 'tlc: %s models\n' "$total"
    return $failed
}

# chosen SHARE NAME…: model, module, what is expected, how many states.
chosen() {
    local share=$1
    shift
    awk -F '\t' -v share="$share" -v names=" $* " '
        $1 == "model" || /^#/ { next }
        names ~ /[^ ]/ ? index(names, " " $1 " ") : $3 == "test" || share == "full" {
            print $1 "\t" $2 "\t" $4 "\t" $5
        }' models.tsv
}

# explore MODEL MODULE: leaves what TLC said. Its exit code is 12 or 13 where it finds a violation.
explore() {
    java -XX:+UseParallelGC -cp "$TLC" tlc2.TLC -metadir "$results/states" -noGenerateSpecTE -workers "${JOBS:-2}" \
        -lncheck final -config "models/$1.cfg" "$2.tla" >"$results/$1" 2>&1 </dev/null || true
    rm -rf "$results/states"
}

# judge MODEL EXPECTED STATES
judge() {
    local said=$results/$1 found=none states=
    found=$(sed -nE 's/^Error: (Invariant|Temporal property|Action property) ([A-Za-z]+) (is|was) violated\./\2/p' \
        "$said" | head -1)
    if grep -q '^Model checking completed. No error has been found' "$said"; then
        found=ok
        states=$(sed -nE 's/^[0-9]+ states generated, ([0-9]+) distinct states found, 0 states left on queue\./\1/p' "$said")
    fi
    if [ "${found:-nothing}" = "$2" ] && { [ "$3" = - ] || [ "$states" = "$3" ]; }; then
        if [ "$found" = ok ]; then found=holds; else found="finds $found"; fi
        printf '%-36s %-32s %8s states\n' "$1" "$found" "$states"
    else
        printf '%-36s FAILED: %s with %s states, and not %s with %s\n' "$1" "${found:-no result}" "${states:-no}" "$2" "$3"
        tail -25 "$said"
        return 1
    fi
}

give_up() {
    echo "formal/tla/tlc.sh: $1" >&2
    exit 1
}

main "$@"
