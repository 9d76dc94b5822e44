#!/usr/bin/env python3
"""Compares what every engine made of the corpus, and writes the table: `engines_table.py FOLDER PAGE`.

The formats are those of host/examples/engines.rs. The table goes into the page between its two
markers; without markers nothing is written. Exits 1 where an engine differs, is missing, or did not
answer all; then the page stays as it is.
"""
import datetime
import hashlib
import json
import pathlib
import sys

ENGINES = ["native", "Cranelift", "Pulley", "Node", "Chromium", "wasmtime-py"]
REFERENCE = ENGINES[0]
BEGIN, END = "<!-- engines: written by make engines -->", "<!-- engines: end -->"


def answers(folder, engine, cases):
    """For each case the answers to its steps."""
    data, at, found = (folder / f"{engine}.answers").read_bytes(), 0, []
    for case in cases:
        steps = []
        for _ in case["steps"]:
            size = int.from_bytes(data[at : at + 4], "little")
            steps.append(data[at + 4 : at + 4 + size])
            if len(data) < at + 4 + size:
                raise SystemExit(f"{engine} did not answer all cases")
            at += 4 + size
        found.append(steps)
    if at != len(data):
        raise SystemExit(f"{engine} answered more than was asked")
    return found, hashlib.sha256(data).hexdigest()


def table(folder):
    """The table, and the names of cases that differ."""
    corpus = json.loads((folder / "corpus.json").read_text())
    cases = corpus["cases"]
    missing = [engine for engine in ENGINES if not (folder / f"{engine}.answers").exists()]
    if missing:
        raise SystemExit(f"no answers from {', '.join(missing)}")
    expected, _ = answers(folder, REFERENCE, cases)
    last = [steps[-1] for steps in expected]
    merged = sum(answer[:2] == b"V\x01" for answer in last)
    conflicts = sum(answer[:2] == b"V\x00" for answer in last)
    differing = []
    lines = [
        f"Kernel `{corpus['kernel'][:16]}…`, {datetime.date.today()}: {len(cases)} cases, of which {merged} agree,"
        f" {conflicts} conflict and {len(cases) - merged - conflicts} are faults.",
        "",
        "| engine | version | vectors equal | batches equal | SHA-256 of all answers |",
        "|---|---|---|---|---|",
    ]
    for engine in ENGINES:
        version = json.loads((folder / f"{engine}.json").read_text())["version"]
        found, digest = answers(folder, engine, cases)
        equal = {"vector": [0, 0], "batch": [0, 0]}
        for case, one, other in zip(cases, expected, found):
            equal[case["kind"]][0] += one == other
            equal[case["kind"]][1] += 1
            if one != other:
                differing.append(f"{engine}: {case['name']}")
        shares = " | ".join(f"{same} of {all}" for same, all in equal.values())
        lines.append(f"| {engine} | {version} | {shares} | `{digest[:16]}…` |")
    return "\n".join(lines), differing


def write(page, text):
    """Puts the table between the page's markers."""
    content = page.read_text()
    if BEGIN not in content or END not in content:
        raise SystemExit(f"{page} has no markers for the table")
    before, rest = content.split(BEGIN, 1)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END, 1)[1]}")


def main(folder, page):
    text, differing = table(folder)
    print(text)
    if differing:
        raise SystemExit("these differ from native:\n" + "\n".join(differing))
    if page:
        write(page, text)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None)
