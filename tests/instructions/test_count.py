#!/usr/bin/env python3
"""The comparison of instruction counts notices what it is there for."""
import unittest

import count


class Compared(unittest.TestCase):
    def test_three_per_cent_either_way_is_let_pass(self):
        for found in (970, 1000, 1030):
            self.assertTrue(count.compared({"a": found}, {"a": 1000})[1], found)

    def test_more_is_not(self):
        for found, word in ((1031, "SLOWER"), (969, "faster")):
            lines, good = count.compared({"a": found, "b": 5}, {"a": 1000, "b": 5})
            self.assertFalse(good)
            self.assertIn(word, lines[0])
            self.assertIn("ok", lines[1])

    def test_a_row_that_is_not_in_both_is_told(self):
        for found, recorded in (({"a": 1}, {}), ({}, {"a": 1})):
            lines, good = count.compared(found, recorded)
            self.assertFalse(good)
            self.assertIn("['a']", lines[0])


if __name__ == "__main__":
    unittest.main()
