#!/usr/bin/env python3
"""Schemathesis makes requests from a node's own document; no answer may be a failure of the server, and
each must be as the document says. `python test_api.py`, with schemathesis installed.

OMEGA is the command [default: ../../target/release/omega]; EXAMPLES how many requests for each operation
[default: 60].
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
OMEGA = os.path.abspath(os.environ.get("OMEGA", HERE / "../../target/release/omega"))
EXAMPLES = os.environ.get("EXAMPLES", "60")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


class Api(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        command = [OMEGA, "serve", "--data", "node", "--listen", "127.0.0.1:0", "--flush-ms", "5"]
        self.said = open(pathlib.Path(self.folder.name, "said"), "w+")
        self.addCleanup(self.said.close)
        self.node = subprocess.Popen(command, cwd=self.folder.name, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end)
        for line in self.node.stderr:
            if line.startswith('{"url"'):
                self.url = json.loads(line)["url"]
                break
        else:
            self.fail("the node did not start")
        # What it says from now on is read by nobody; a file takes it.
        self.reader = subprocess.Popen(["cat"], stdin=self.node.stderr, stdout=self.said)
        self.token = pathlib.Path(self.folder.name, "node/token").read_text().strip()

    def end(self):
        self.node.kill()
        self.node.wait()
        if hasattr(self, "reader"):
            self.reader.wait()
        self.node.stdout.close()
        self.node.stderr.close()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return json.load(answer)

    def send(self, log, events):
        request = urllib.request.Request(f"{self.url}/api/events?wait=certified&log={log}", json.dumps(events).encode())
        request.add_header("authorization", f"Bearer {self.token}")
        request.add_header("content-type", "application/json")
        urllib.request.urlopen(request, timeout=60).close()

    def fuzz(self, *more):
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{self.url}/api/openapi.json", "--checks", CHECKS,
                   "--max-examples", EXAMPLES, "--seed", "1", "--request-timeout", "60", "--no-color",
                   # It has no end.
                   "--exclude-path", "/api/stream", *more]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "api_hooks", "PYTHONPATH": str(HERE)}
        done = subprocess.run(command, cwd=self.folder.name, capture_output=True, text=True, timeout=3600, env=environment)
        self.said.seek(0)
        self.assertEqual(done.returncode, 0, done.stdout[-8000:] + done.stderr[-2000:] + self.said.read()[-2000:])
        self.assertIsNone(self.node.poll(), "the node has ended")

    def test_with_a_token_that_may_do_everything_and_with_none(self):
        event = {"node": 1, "payload": "x"}
        self.send("a", [{**event, "id": f"{n:032x}", "lamport": n} for n in range(1, 9)])
        # A conflict, so that there is something to resolve.
        self.send("b", {**event, "id": f"{1:032x}", "lamport": 1, "payload": "y"})
        self.fuzz("--header", f"Authorization: Bearer {self.token}")
        self.fuzz()
        status = self.get("/api/status")
        self.assertTrue(status["readiness"]["ready"], status)
        self.said.seek(0)
        self.assertNotIn("panicked", self.said.read())
        # And it still does its work.
        self.send("c", {"id": f"{99:032x}", "node": 3, "lamport": "1", "payload": "z"})
        self.assertEqual(self.get(f"/api/events/{99:032x}")["held"][0]["state"], "accepted")


if __name__ == "__main__":
    unittest.main()
