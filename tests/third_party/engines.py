#!/usr/bin/env python3
"""What wasmtime-py makes of the corpus of host/examples/engines.rs: `engines.py FOLDER`."""
import importlib.metadata
import json
import pathlib
import struct
import sys

from audit import CHUNK, Kernel, Record, Stop


def answer(kernel, session, step, corpus):
    """The answer to one batch, packed as the corpus describes it."""
    logs = [corpus[log["at"] : log["at"] + log["bytes"]] for log in step["logs"]]
    limits = [log["limit"] for log in step["logs"]]
    try:
        verdict = judge(kernel, session, logs, limits, step["chunk"])
        packed = b"V" + bytes([verdict.merged]) + kernel.body(session)
    except Stop as stop:
        *_, fault = stop.args
        log = 2**32 - 1 if fault.log is None else fault.log
        offset = 2**64 - 1 if fault.offset is None else fault.offset
        packed = b"F" + struct.pack("<IIQ", fault.number, log, offset)
    return packed + kernel.on(session, "state")


def judge(kernel, session, logs, limits, chunk):
    """One batch. Every log is heard, also behind a damaged one; of several faults the lowest log's counts."""
    kernel.on(session, "begin-batch", [Record(limit=limit) for limit in limits])
    early = None
    for index, log in enumerate(logs):
        try:
            for at in range(0, len(log), chunk):
                kernel.on(session, "feed", index, log[at : at + chunk])
        except Stop as fault:
            early = early or fault
    try:
        return kernel.on(session, "finish")
    except Stop as late:
        kernel.on(session, "abort")
        raise early if early and late.args[2].log >= early.args[2].log else late


def restored(kernel, session):
    """A session that goes on from another one's snapshot."""
    size, snapshot = kernel.on(session, "begin-snapshot", None), b""
    while len(snapshot) < size:
        snapshot += kernel.on(session, "read-snapshot", CHUNK)
    return kernel.restore(snapshot)


def main(folder):
    corpus = json.loads((folder / "corpus.json").read_text())
    logs = (folder / "corpus.bin").read_bytes()
    kernel = Kernel((folder / "kernel.wasm").read_bytes())
    answers = bytearray()
    for case in corpus["cases"]:
        session = kernel.call("[constructor]session")
        for step in case["steps"]:
            if step["restore"]:
                session = restored(kernel, session)
            packed = answer(kernel, session, step, logs)
            answers += struct.pack("<I", len(packed)) + packed
    version = f"wasmtime-py {importlib.metadata.version('wasmtime')}, Python {sys.version.split()[0]}"
    (folder / "wasmtime-py.answers").write_bytes(answers)
    (folder / "wasmtime-py.json").write_text(json.dumps({"engine": "wasmtime-py", "version": version}))
    print(f"wasmtime-py, {version}: {len(answers)} bytes of answers")


if __name__ == "__main__":
    try:
        main(pathlib.Path(sys.argv[1]))
    except Stop as stop:
        sys.exit(stop.args[1])
