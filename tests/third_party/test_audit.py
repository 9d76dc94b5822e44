#!/usr/bin/env python3
"""audit.py on what is right, and on what is not: `python test_audit.py`, with wasmtime installed.

OMEGA is the command that makes certificates [default: ../../target/release/omega].
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zlib

HERE = pathlib.Path(__file__).resolve().parent
OMEGA = os.path.abspath(os.environ.get("OMEGA", HERE / "../../target/release/omega"))


class Audit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.omega("keygen")
        self.omega("generate-events", "--output", "a.omega", "--count", "60")
        self.omega("kernel", "export")

    def at(self, name):
        return pathlib.Path(self.folder.name, name)

    def omega(self, *arguments, exits=(0,)):
        done = subprocess.run([OMEGA, *arguments], cwd=self.folder.name, capture_output=True)
        self.assertIn(done.returncode, exits, done.stderr.decode())

    def certified(self, *logs):
        self.omega("check", "--certify", "--no-crash-folder", *logs, exits=(0, 10))

    def audit(self, *inputs, cert="omega.cert", kernel="kernel.wasm", more=(), path=None):
        logs = [argument for log in inputs for argument in ("--input", log)]
        command = [sys.executable, HERE / "audit.py", "--cert", cert, "--kernel", kernel, *logs, *more]
        environment = {**os.environ, "PATH": path or os.environ["PATH"]}
        done = subprocess.run(command, cwd=self.folder.name, capture_output=True, text=True, env=environment)
        return done.returncode, done.stdout + done.stderr

    def assert_ends(self, audited, code, *words):
        self.assertEqual(audited[0], code, audited[1])
        self.assertNotIn("Traceback", audited[1])
        for word in words:
            self.assertIn(word, audited[1])

    def change(self, name, at, to=None):
        content = bytearray(self.at(name).read_bytes())
        content[at] = content[at] ^ 1 if to is None else to
        self.at(name).write_bytes(content)

    def test_agree(self):
        self.certified("a.omega")
        self.assert_ends(self.audit("a.omega"), 0, "RIGHT: the logs agree", "NOT CHECKED", "(judged)")

    def test_every_kind_of_conflict(self):
        told = subprocess.run([OMEGA, "generate-events", "--help"], capture_output=True, text=True).stdout
        kinds = re.findall(r"- ([a-z-]+): +[123]00\d: ", told)
        self.assertGreaterEqual(len(kinds), 9)
        for kind in kinds:
            self.omega("generate-events", "--output", "bad.omega", "--count", "20", "--conflict", kind)
            logs = sorted(path.name for path in self.at(".").glob("bad*.omega"))
            self.certified(*logs)
            self.assert_ends(self.audit(*logs), 0, "RIGHT: the logs conflict")
            for left in ("omega.cert", "cert.log", "cert.idx", "cert.hash", *logs):
                self.at(left).unlink()

    def test_the_order_of_logs_does_not_matter(self):
        self.omega("generate-events", "--output", "b.omega", "--count", "9", "--seed", "2")
        self.certified("a.omega", "b.omega")
        self.assert_ends(self.audit("b.omega", "a.omega"), 0)
        self.assert_ends(self.audit("a.omega"), 30, "not the logs that were judged: a, b")

    def test_a_batch_that_goes_on_from_a_state(self):
        self.omega("reconcile", "--input", "a.omega", "--output", "r1", "--save-snapshot", "s1")
        self.omega("certify", "--result", "r1", "--output", "c1")
        self.omega("append", "--log", "b.omega", "--node", "99", "--seen", "a.omega", "--payload", "later")
        self.omega("reconcile", "--input", "b.omega", "--snapshot", "s1", "--batch-id", "2", "--output", "r2")
        self.omega("certify", "--result", "r2", "--output", "c2")
        self.assert_ends(self.audit("b.omega", cert="c2", more=("--snapshot", "s1")), 0)
        self.assert_ends(self.audit("b.omega", cert="c2"), 30, "another state")

    def test_the_engines_that_a_signature_states(self):
        # Two by two, so that no engine is taken for another.
        for number, engines in enumerate(["cranelift,native", "cranelift,pulley", "native,pulley"], 1):
            result, cert, log = f"r{number}", f"c{number}", f"log{number}"
            self.omega("reconcile", "--input", "a.omega", "--output", result)
            self.omega("certify", "--result", result, "--input", "a.omega", "--engines", engines,
                       "--cert-log", log, "--output", cert)
            self.assert_ends(self.audit("a.omega", cert=cert), 0, f"(judged, {engines.replace(',', ', ')})")

    def test_a_log_that_grew(self):
        self.omega("append", "--log", "g.omega", "--node", "1", "--payload", "one")
        self.certified("g.omega")
        judged = self.at("g.omega").read_bytes()
        self.omega("append", "--log", "g.omega", "--node", "1", "--payload", "two")
        self.assertGreater(len(self.at("g.omega").read_bytes()), len(judged))
        self.assert_ends(self.audit("g.omega"), 0)

    def test_a_log_that_was_cut_at_a_frame(self):
        self.omega("append", "--log", "g.omega", "--node", "1", "--payload", "one")
        short = self.at("g.omega").read_bytes()
        self.omega("append", "--log", "g.omega", "--node", "1", "--payload", "two")
        self.certified("g.omega")
        self.at("g.omega").write_bytes(short)
        self.assert_ends(self.audit("g.omega"), 30, "fewer events than were judged")

    def test_a_damaged_log(self):
        self.certified("a.omega")
        self.change("a.omega", 200)
        self.assert_ends(self.audit("a.omega"), 30, "log 0, byte 128")

    def test_a_tampered_log_whose_checksum_fits(self):
        self.certified("a.omega")
        log = bytearray(self.at("a.omega").read_bytes())
        size = int.from_bytes(log[128:132], "little")
        # The first event's Lamport time: behind the root pointer.
        log[136 + 8] ^= 1
        log[132:136] = zlib.crc32(log[128:132] + log[136 : 136 + size]).to_bytes(4, "little")
        self.at("a.omega").write_bytes(log)
        self.assert_ends(self.audit("a.omega"), 20, "WRONG", "another verdict")

    def test_a_tampered_certificate(self):
        self.certified("a.omega")
        self.change("omega.cert", 400)
        self.assert_ends(self.audit("a.omega"), 20, "WRONG")
        self.at("omega.cert").write_bytes(self.at("omega.cert").read_bytes()[:500])
        self.assert_ends(self.audit("a.omega"), 30)
        self.at("omega.cert").write_bytes(b"no certificate")
        self.assert_ends(self.audit("a.omega"), 30, "no certificate of a verdict")

    def test_a_wrong_kernel_is_not_run(self):
        self.certified("a.omega")
        shutil.copy(self.at("kernel.wasm"), self.at("other.wasm"))
        self.change("other.wasm", 5000)
        self.assert_ends(self.audit("a.omega", kernel="other.wasm"), 30, "the certificate names", "it was not run")
        self.assert_ends(self.audit("a.omega", kernel="a.omega"), 30, "it was not run")

    def test_without_b3sum_the_hash_must_be_given(self):
        self.certified("a.omega")
        named = self.at("omega.cert").read_bytes()[209:241].hex()
        nowhere = str(self.at("nowhere"))
        self.assert_ends(self.audit("a.omega", path=nowhere), 30, "there is no b3sum", named)
        self.assert_ends(self.audit("a.omega", path=nowhere, more=("--kernel-is", named)), 0)
        self.assert_ends(self.audit("a.omega", path=nowhere, more=("--kernel-is", "00" * 32)), 30, "was not run")

    def test_files_that_are_not_there_and_wrong_use(self):
        self.assert_ends(self.audit("a.omega", cert="none"), 30, "none")
        self.certified("a.omega")
        self.assert_ends(self.audit(), 2, "--input")

    def test_it_can_be_read_in_one_sitting(self):
        self.assertLessEqual(len((HERE / "audit.py").read_text().splitlines()), 150)


if __name__ == "__main__":
    unittest.main()
