#!/usr/bin/env bash
# Compiles every proof, extracts the executable specification from the model and builds it. Prints the path of
# the program; everything else goes to standard error. All output lies below the target folder; what is up to
# date is not built again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# As cargo takes it, from the root of the project; a test runs this from another folder.
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$here/../../$target ;; esac
out=$target/formal/rocq

for tool in coqc coq_makefile ocamlfind ocamlopt make flock; do
    command -v "$tool" >/dev/null || {
        echo "formal/rocq: $tool is missing; scripts/setup.sh test installs it (Debian: coq ocaml-nox)" >&2
        exit 1
    }
done

mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$out"
# Tests may ask for it side by side.
exec 9>lock
flock 9
{
    # What was removed or renamed in the tree must not live on here.
    for old in *.v; do [ -e "$here/$old" ] || rm -f "${old%.v}".*; done
    # By content: a checkout may leave any time on a file.
    for new in "$here"/*.v "$here/_CoqProject" "$here/driver.ml"; do cmp -s "$new" "${new##*/}" || cp "$new" .; done
    coq_makefile -f _CoqProject -o Makefile
    make --silent --no-print-directory -j 2
    if [ ! specification -nt Extract.vo ] || [ ! specification -nt driver.ml ]; then
        ocamlfind ocamlopt -O3 -w -a -o specification.new model.mli model.ml driver.ml
        mv specification.new specification
    fi
} >&2
echo "$out/specification"
