#!/usr/bin/env python3
"""The comparison behind `make engines` notices what it is there for."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent / "../../scripts/engines_table.py"
ENGINES = ["native", "Cranelift", "Pulley", "Node", "Chromium", "wasmtime-py"]
MARKERS = "before\n<!-- engines: written by make engines -->\nold\n<!-- engines: end -->\nafter\n"


class Table(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.page = self.folder / "page.md"
        self.page.write_text(MARKERS)
        step = {"restore": False, "chunk": 8, "logs": []}
        cases = [{"name": "one", "kind": "vector", "steps": [step]}, {"name": "two", "kind": "batch", "steps": [step] * 2}]
        (self.folder / "corpus.json").write_text(json.dumps({"kernel": "ab" * 32, "cases": cases}))
        for engine in ENGINES:
            self.answer(engine, b"V\x01body", b"V\x00other", b"F1234")
            (self.folder / f"{engine}.json").write_text(json.dumps({"engine": engine, "version": "1"}))

    def answer(self, engine, *answers):
        packed = b"".join(len(answer).to_bytes(4, "little") + answer for answer in answers)
        (self.folder / f"{engine}.answers").write_bytes(packed)

    def run_tool(self):
        done = subprocess.run([sys.executable, TOOL, self.folder, self.page], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_equal_answers_make_a_table(self):
        code, told = self.run_tool()
        self.assertEqual(code, 0, told)
        page = self.page.read_text()
        self.assertTrue(page.startswith("before\n") and page.endswith("\nafter\n"))
        self.assertNotIn("old", page)
        self.assertEqual(page.count("| 1 of 1 | 1 of 1 |"), len(ENGINES))
        self.assertIn("2 cases, of which 1 agree, 0 conflict and 1 are faults", page)

    def test_one_byte_less_or_more_or_other_is_noticed(self):
        for answers in [
            (b"V\x01bodx", b"V\x00other", b"F1234"),
            (b"V\x01body", b"V\x00othex", b"F1234"),
            (b"V\x01body", b"V\x00other", b"F1235"),
            (b"V\x01body", b"V\x00other"),
            (b"V\x01body", b"V\x00other", b"F1234", b""),
            (),
        ]:
            self.answer("Chromium", *answers)
            code, told = self.run_tool()
            self.assertEqual(code, 1, told)
            self.assertIn("Chromium", told)
            self.assertEqual(self.page.read_text(), MARKERS)

    def test_a_missing_engine_is_noticed(self):
        (self.folder / "Node.answers").unlink()
        code, told = self.run_tool()
        self.assertEqual((code, "no answers from Node" in told), (1, True), told)


if __name__ == "__main__":
    unittest.main()
