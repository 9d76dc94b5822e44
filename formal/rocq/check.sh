#!/usr/bin/env bash
# Checks the proofs: compiles all of them, has the independent checker coqchk read what was compiled, with the
# part of the standard library that it stands on, and fails where anything is assumed or left out.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# Comments may speak of them; nothing else may.
strip_comments() {
    awk '{ line = $0
        while (line != "") {
            open = index(line, "(*"); close_ = index(line, "*)")
            if (depth == 0) {
                if (open == 0) { printf "%s", line; line = "" }
                else { printf "%s", substr(line, 1, open - 1); line = substr(line, open + 2); depth = 1 }
            } else if (close_ != 0 && (open == 0 || close_ < open)) { line = substr(line, close_ + 2); depth-- }
            else if (open != 0) { line = substr(line, open + 2); depth++ }
            else line = ""
        }
        print "" }' "$1"
}

status=0
for file in "$here"/*.v; do
    listed=$(grep -cx "$(basename "$file")" "$here/_CoqProject" || true)
    if [ "$listed" != 1 ]; then
        echo "$file is not listed in _CoqProject" >&2
        status=1
    fi
    if strip_comments "$file" | grep -nwE 'Admitted|admit|give_up|Axiom|Axioms|Parameter|Parameters|Conjecture|Abort|bypass_check|Unset (Guard|Positivity|Universe) Checking'; then
        echo "$file assumes or leaves out something: the lines above" >&2
        status=1
    fi
done
[ "$status" = 0 ] || exit 1

specification=$("$here/build.sh")
cd "$(dirname "$specification")"
modules=$(sed -n 's/^\(.*\)\.v$/Omega.\1/p' _CoqProject)
# shellcheck disable=SC2086 # one word a module
coqchk -silent -o -Q . Omega $modules >coqchk.log 2>&1 || {
    cat coqchk.log >&2
    echo "coqchk refuses the proofs" >&2
    exit 1
}
for assumed in 'Axioms' 'Constants/Inductives relying on type-in-type' \
    'Constants/Inductives relying on unsafe (co)fixpoints' 'Inductives whose positivity is assumed'; do
    grep -qxF "* $assumed: <none>" coqchk.log || {
        cat coqchk.log >&2
        echo "coqchk: '$assumed' is not empty" >&2
        exit 1
    }
done
count=$(cat "$here"/*.v | grep -cE '^(Theorem|Corollary)')
echo "$(coqc --version | head -1): $(wc -w <<<"$modules") files, $count theorems, no axioms, nothing admitted"
