#!/usr/bin/env python3
"""Holds runs of real nodes against the specification: formal/tla/trace.py FILE...

FILE holds the steps of one node from its first start on, as `omega serve --steps FILE` writes them
(schemas/steps.md); several FILEs are checked together. Exit 0: each is a behaviour of Node.tla. Exit 1: one is
not, and the line is named at which it leaves the specification. Exit 2: no such file, or not of that form.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Rules that Rules.tla has: what breaks another is known by its obstruction alone.
MODELLED = {1001, 1002, 2002, 2003, 3001}
VERDICT = ["height", "hash", "kernel", "events"]
# What stands in each step.
FIELDS = {
    "start": ["height", "hash", "kernel", "waiting"],
    "write": ["events"],
    "refuse": ["events"],
    "sync": ["events"],
    "acknowledge": ["events"],
    "emit-merge": VERDICT,
    "emit-obstruction": [*VERDICT, "predicate", "anchor", "aside"],
    "give-up": ["events"],
    "journal": [],
    "swap": ["height", "hash", "kernel"],
    "store": ["height", "hash", "previous"],
    "announce": ["height", "hash"],
    "abandon": [],
}


def main(paths):
    if not paths or any(path.startswith("-") for path in paths):
        stop(__doc__.strip())
    if not shutil.which("tla"):
        stop("tla is missing: cargo install --locked tla-checker@0.24.11")
    # Runs that are the same are checked once.
    runs = {}
    for path in paths:
        lines = read(path)
        runs.setdefault(json.dumps(lines), (path, lines))
    runs = list(runs.values())
    with tempfile.TemporaryDirectory() as folder:
        for name in ["Rules.tla", "Node.tla", "Trace.tla", "trace.cfg"]:
            shutil.copy(HERE / name, folder)
        Path(folder, "TraceData.tla").write_text(Data(runs).module())
        longest = 2 * max(len(lines) for _, lines in runs) + 10
        command = ["tla", "Trace.tla", "--config", "trace.cfg", "--max-states", "100000000"]
        command += ["--max-depth", str(longest)]
        checked = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    report(runs, paths, checked)


def read(path):
    try:
        text = Path(path).read_text()
    except OSError as error:
        stop(f"{path}: {error.strerror}")
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            step = json.loads(line)
            missing = [field for field in FIELDS[step["step"]] if field not in step]
        except (ValueError, TypeError, KeyError):
            stop(f"{path}:{number}: not a step")
        if missing:
            stop(f"{path}:{number}: a step without {missing[0]}")
        lines.append(step)
    if not lines:
        stop(f"{path}: no steps")
    return lines


class Data:
    """The module TraceData: entries, kernels and hashes become numbers."""

    def __init__(self, runs):
        self.entries, self.ids, self.versions, self.hashes, self.kernels = {}, {}, {}, {}, {}
        self.facts, self.refused = {}, set()
        for path, lines in runs:
            for number, line in enumerate(lines, 1):
                if line["step"] == "write":
                    for event in line["events"]:
                        self.facts[self.entry(event)] = event
                if line["step"] == "emit-obstruction" and line["predicate"] not in MODELLED:
                    anchors = [event for event in line["aside"] if event["id"] == line["anchor"]]
                    self.refused.update(self.entry(event) for event in anchors)
        if len({lines[0].get("kernel") for _, lines in runs if lines}) > 1:
            stop("these chains begin with different kernels: check them one by one")
        self.runs = [self.sequence(lines) for _, lines in runs]

    def entry(self, event):
        key = (event["source"], event["id"], event["hash"])
        return number(self.entries, key)

    def sequence(self, lines):
        return "<< " + ",\n   ".join(self.line(line) for line in lines) + " >>"

    def line(self, line):
        fields = [("step", f'"{line["step"]}"')]
        for name, value in line.items():
            if name in ("events", "waiting", "aside"):
                fields.append(("aside" if name == "aside" else "events", self.set_of(value)))
            elif name == "height":
                fields.append((name, str(int(value))))
            elif name in ("hash", "previous"):
                fields.append((name, str(number(self.hashes, value))))
            elif name == "kernel":
                fields.append((name, str(number(self.kernels, value))))
        return "[" + ", ".join(f"{name} |-> {value}" for name, value in fields) + "]"

    def set_of(self, events):
        return "{" + ", ".join(str(self.entry(event)) for event in events) + "}"

    def module(self):
        keys = list(self.entries)
        facts = [self.facts.get(place) for place in range(1, len(keys) + 1)]
        streams, deps, lamports = {}, [], []
        for fact in facts:
            deps.append([number(self.ids, dep) for dep in fact["deps"]] if fact else [])
            lamports.append(fact["lamport"] if fact else 0)
        # What breaks rules 1001 and 1004 by a causal-only stream does not: each of its events is a stream then.
        stream = [
            number(streams, (fact["node"], fact["stream"]) if fact and fact["stream"] < 0x8000 else place)
            for place, fact in enumerate(facts)
        ]
        kernels = range(1, max(len(self.kernels), 1) + 1)
        refused = "{" + ", ".join(map(str, sorted(self.refused))) + "}"
        definitions = [
            ("TEntries", f"1..{len(keys)}"),
            ("TId", sequence(number(self.ids, key[1]) for key in keys)),
            ("TVersion", sequence(number(self.versions, key[2]) for key in keys)),
            ("TStream", sequence(stream)),
            ("TLamport", sequence(lamports)),
            ("TDeps", sequence("{" + ", ".join(map(str, ids)) + "}" for ids in deps)),
            ("TKernels", f"1..{len(kernels)}"),
            ("TFirst", "1"),
            ("TRefused", sequence(refused for _ in kernels)),
            ("TRuns", "<< " + ",\n".join(self.runs) + " >>"),
        ]
        body = "\n".join(f"{name} == {value}" for name, value in definitions)
        return f"---- MODULE TraceData ----\nEXTENDS Naturals, Sequences\n{body}\n====\n"


def number(numbers, key):
    return numbers.setdefault(key, len(numbers) + 1)


def sequence(values):
    return "<<" + ", ".join(str(value) for value in values) + ">>"


def report(runs, paths, checked):
    said = checked.stdout + checked.stderr
    if checked.returncode == 0 and "No errors found" in said:
        states = re.search(r"Reachable states: (\d+)", said).group(1)
        steps = sum(len(lines) for _, lines in runs)
        print(f"{len(paths)} runs, {len(runs)} different, {steps} steps: behaviours of Node, {states} states")
        return
    last = said[said.rfind("\nState ") :]
    run, at = (re.search(rf"^ *{name} += (\d+)", last, re.M) for name in ("run", "at"))
    if not run or not at:
        print(said, file=sys.stderr)
        sys.exit(1)
    path, lines = runs[int(run.group(1)) - 1]
    at = int(at.group(1))
    broken = re.search(r"Invariant \d+ \((.*)\) violated", said)
    # An invariant is broken by the line before; a step that is refused has not been taken.
    at = at - 1 if broken else at
    why = f"breaks {broken.group(1)}" if broken else "is no step that the specification allows there"
    step = json.dumps(lines[at - 1]) if at <= len(lines) else "its end"
    print(f"{path}:{at}: {why}: {step[:300]}")
    sys.exit(1)


def stop(why):
    print(why, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
