#!/usr/bin/env python3
"""How many instructions the native kernel takes for an event, by callgrind, held to what is recorded.

    tests/instructions/count.py --omega target/release/omega [--write]

Instructions do not depend on how busy a machine is, so this notices what a clock would not. For each row a log is made,
and `omega __bench native` (host/src/bench/child.rs) judges it once, then twice: the difference is one warm turn, without
starting, mapping and first touches. More than SLACK per cent off what recorded.json says, either way, fails; --write records anew.
Counts belong to one compiler (rust-toolchain.toml) and one set of vector instructions, which recorded.json names; and,
within the slack, to the C library, whose allocator and memcpy are counted too.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

RECORDED = pathlib.Path(__file__).resolve().parent / "recorded.json"
SLACK = 3
EVENTS = 20_000
# Name, flags of generate-events, what is asked of the process that measures.
ROWS = [
    ("256 B, 2 deps, 4 writers: feed and finish", ["--payload", "256", "--deps", "2", "--nodes", "4"], "total"),
    ("256 B, 2 deps, 4 writers: scan and fold", ["--payload", "256", "--deps", "2", "--nodes", "4"], "two-phase"),
    ("64 B, no deps, 1 writer: feed and finish", ["--payload", "64", "--deps", "0", "--nodes", "1"], "total"),
    ("1,024 B, 2 deps, 8 writers: feed and finish", ["--payload", "1024", "--deps", "2", "--nodes", "8"], "total"),
]
# What blake3 and crc32fast choose by, the best first. Valgrind has no AVX-512.
VECTORS = ["avx2", "sse4_1", "sse2"]


def vectors():
    """The best of VECTORS that this processor has; None where it is no x86-64."""
    if platform.machine() != "x86_64":
        return None
    processors = pathlib.Path("/proc/cpuinfo")
    flags = re.search(r"^flags\s*: (.*)$", processors.read_text() if processors.exists() else "", re.M)
    return next((name for name in VECTORS if name in (flags[1].split() if flags else [])), None)


def instructions(omega, log, request, turns):
    """Instructions of a process that does `request` so many times."""
    # What this machine keeps or sets must not show.
    environment = {"PATH": os.environ["PATH"], "HOME": str(log.parent)}
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", omega, "__bench", "native", "cranelift", "-", log],
        input=f"{request}\n" * turns,
        env=environment,
        capture_output=True,
        text=True,
    )
    counted = re.search(r"Collected : (\d+)", done.stderr)
    answers = re.findall(r'"answer":"([a-z-]+)"', done.stdout)
    if done.returncode or counted is None or answers != ["ready"] + [request] * turns:
        raise SystemExit(f"instructions: {log.name}: {done.stdout}{done.stderr[-2000:]}")
    return int(counted[1])


def counted(omega, folder, number):
    """Instructions an event of one row."""
    name, flags, request = ROWS[number]
    log = folder / f"{number}.omega"
    made = [omega, "generate-events", "--output", log, "--count", str(EVENTS), "--seed", "1", *flags]
    done = subprocess.run(made, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"instructions: no log could be made: {done.stdout}{done.stderr[-2000:]}")
    once, twice = (instructions(omega, log, request, turns) for turns in (1, 2))
    return name, round((twice - once) / EVENTS)


def compared(found, recorded):
    """Lines that say how each row stands to what is recorded, and whether all are within the slack."""
    lines, good = [], found.keys() == recorded.keys()
    if not good:
        lines.append(f"rows that are not in both: {sorted(found.keys() ^ recorded.keys())}")
    for name in found.keys() & recorded.keys():
        change = found[name] - recorded[name]
        within = 100 * abs(change) <= SLACK * recorded[name]
        good &= within
        verdict = "ok" if within else "SLOWER" if change > 0 else "faster: record it"
        lines.append(f"{name:46} {recorded[name]:6} recorded {found[name]:6} found {change / recorded[name]:+7.1%}  {verdict}")
    return sorted(lines), good


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--omega", required=True, type=pathlib.Path)
    arguments.add_argument("--write", action="store_true", help="record what is found")
    given = arguments.parse_args()
    omega = given.omega.resolve()
    if not omega.is_file():
        arguments.error(f"{given.omega} is not there: make build")
    if not shutil.which("valgrind"):
        raise SystemExit("instructions: valgrind is missing: scripts/setup.sh test installs it")
    here, recorded = vectors(), json.loads(RECORDED.read_text())
    if here != recorded["vectors"]:
        print(f"skipped: instructions are recorded with {recorded['vectors']}, and this machine has {here}")
        return 1 if given.write else 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = dict(pool.map(lambda number: counted(omega, pathlib.Path(folder), number), range(len(ROWS))))
    if given.write:
        record = {"vectors": here, "instructions for an event": found}
        RECORDED.write_text(json.dumps(record, indent=2) + "\n")
        print(RECORDED.read_text(), end="")
        return 0
    lines, good = compared(found, recorded["instructions for an event"])
    print("\n".join(lines))
    if not good:
        print(f"instructions: more than {SLACK} % off. Where that is meant: make instructions, and commit {RECORDED.name}.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
