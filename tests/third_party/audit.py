#!/usr/bin/env python3
"""Audits a certificate without any of OMEGA's own programs:

    pip install wasmtime
    audit.py --cert omega.cert --kernel kernel.wasm --input a.omega --input b.omega

Runs the component that the certificate names over the logs that it judged, and compares what comes
out, byte for byte, with the core of the certificate's body. Wasmtime runs the component; all else
is below. Formats: schemas/certificate.md, schemas/log.md. The contract: wit/kernel.wit.

Exit codes: 0 the certificate is right; 20 it is wrong, or a log is not the one that was judged;
30 could not check; 2 the command line is wrong. What was not checked is printed.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import threading
from types import SimpleNamespace as Record

import wasmtime
from wasmtime.component import Component, Linker

CHUNK = 1 << 20
MOST_SECONDS = 3600  # after which a kernel that does not return is trapped


class Stop(Exception):
    """The end: an exit code, a sentence, and the kernel's fault where that is why."""


class Kernel:
    """One instance of a component, which is given nothing to import."""

    def __init__(self, component):
        config = wasmtime.Config()
        config.epoch_interruption = True
        engine = wasmtime.Engine(config)
        self.store = wasmtime.Store(engine)
        self.store.set_epoch_deadline(1)
        timer = threading.Timer(MOST_SECONDS, engine.increment_epoch)
        timer.daemon = True
        timer.start()
        self.instance = Linker(engine).instantiate(self.store, Component(engine, component))

    def call(self, function, *arguments, interface="session"):
        at = self.instance.get_export_index(self.store, f"omega:kernel/{interface}@1.0.0")
        at = at and self.instance.get_export_index(self.store, function, at)
        if not at:
            raise Stop(30, f"this is no kernel: it does not export {interface} {function}")
        result = self.instance.get_func(self.store, at)(self.store, *arguments)
        result = getattr(result, "payload", result)
        if hasattr(result, "number"):
            where = f"log {result.log}, byte {result.offset}"
            raise Stop(20 if result.number // 1000 == 20 else 30, f"{where}: {result.message}", result)
        return result

    def on(self, session, method, *arguments):
        return self.call(f"[method]session.{method}", session, *arguments)

    def restore(self, snapshot):
        restorer = self.call("[constructor]restorer")
        for at in range(0, len(snapshot), CHUNK):
            self.call("[method]restorer.push", restorer, snapshot[at : at + CHUNK])
        return self.call("[static]session.restore", restorer)[0]

    def body(self, session):
        return b"".join(iter(lambda: self.on(session, "read-body", CHUNK), b""))


def judged_logs(core):
    """The logs that a core names, each as (name, events), and the state that its batch starts from."""
    at, logs = 5, []
    for _ in range(int.from_bytes(core[1:5], "little")):
        end = at + 2 + int.from_bytes(core[at : at + 2], "little")
        logs.append((core[at + 2 : end], int.from_bytes(core[end : end + 8], "little")))
        at = end + 40
    return logs, core[at + 80 : at + 164]


def check_kernel(options, named):
    """Before anything of the kernel runs. Python has no BLAKE3: something else must have computed it."""
    found = options.kernel_is
    if not found and shutil.which("b3sum"):
        found = subprocess.run(["b3sum"], input=options.kernel, capture_output=True, check=True).stdout.decode()[:64]
    if not found:
        raise Stop(30, "there is no b3sum here to say whose kernel this is: compute its BLAKE3 elsewhere and "
                       f"give it as --kernel-is. The certificate names {named}")
    if found != named:
        raise Stop(30, f"this kernel has BLAKE3 {found}, and the certificate names {named}: it was not run")


def audit(options):
    certificate, logs = options.cert, options.input
    if certificate[:8] != b"\x89OMC\r\n\x1a\n" or len(certificate) < 330 or certificate[32] != 2:
        raise Stop(30, "this is no certificate of a verdict")
    check_kernel(options, named := certificate[209:241].hex())
    kernel = Kernel(options.kernel)
    summary = kernel.call("decode", certificate, interface="certificates")  # checks id, hashes and signatures
    core = certificate[325 : 325 + int.from_bytes(certificate[321:325], "little")]
    expected, prior = judged_logs(core)
    given = [log[48 : 48 + int.from_bytes(log[10:12], "little")] for log in logs]
    names = [name for name, _ in expected]
    if sorted(given) != sorted(names):
        raise Stop(30, "these are not the logs that were judged: " + b", ".join(names).decode())
    # A log that grew since is judged at the length that it had, where its name says which one it is.
    counts = {name: events for name, events in expected if names.count(name) == 1}
    limits = [counts.get(name) for name in given]
    session = kernel.restore(options.snapshot) if options.snapshot else kernel.call("[constructor]session")
    if kernel.on(session, "state") != prior:
        raise Stop(30, "the batch starts from another state: give its snapshot as --snapshot")
    kernel.on(session, "begin-batch", [Record(limit=limit) for limit in limits])
    for index, log in enumerate(logs):
        for at in range(0, len(log), CHUNK):
            kernel.on(session, "feed", index, log[at : at + CHUNK])
    verdict = kernel.on(session, "finish")
    body = kernel.body(session)
    if any(log.events < (limit or 0) for log, limit in zip(verdict.logs, limits)):
        raise Stop(30, "a log holds fewer events than were judged")
    if body[4 : 4 + int.from_bytes(body[:4], "little")] != core:
        raise Stop(20, "judged again, these logs give another verdict than the certificate states")
    signers = ", ".join(f"{it.key.hex()} ({', '.join([it.statement, *sorted(it.engines)])})" for it in summary.signers)
    return f"""RIGHT: the logs {"agree" if verdict.merged else "conflict"}. Judged again by kernel
{named}, the core has equal bytes. Signed by {signers or "nobody"}.
NOT CHECKED: whether these signers are to be trusted, also in which engines agreed; the chain that the
certificate stands in; the observations beside the core (payloads at hand, heads, analytics)."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    file = {"metavar": "FILE", "type": lambda path: pathlib.Path(path).read_bytes()}
    parser.add_argument("--cert", required=True, **file, help="the certificate")
    parser.add_argument("--kernel", required=True, **file, help="the component that it names")
    parser.add_argument("--kernel-is", metavar="HASH", help="its BLAKE3, where you computed it yourself")
    parser.add_argument("--input", action="append", required=True, **file, help="a log; repeat it for each")
    parser.add_argument("--snapshot", **file, help="the state that the batch starts from [default: the empty one]")
    try:
        print(audit(parser.parse_args()))
        return 0
    except Stop as stop:
        code, message = stop.args[:2]
    except (OSError, wasmtime.WasmtimeError, wasmtime.Trap, subprocess.CalledProcessError) as error:
        code, message = 30, error
    print(f"{'WRONG' if code == 20 else 'COULD NOT CHECK'}: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
