# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the generator writes can be solved by reading, and by nothing else.
import argparse
import collections
import os
import sys
import tempfile
import unittest

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "tools")]
import needle
import safetensors_io


def task(**changes):
    settings = dict(length=1024, pairs=4, values=16, fillers=32, apart=64, align=4, distance=96, seed=1)
    return argparse.Namespace(**{**settings, **changes})


class Needle(unittest.TestCase):
    def pairs(self, text):
        return {text[i + 1]: text[i + 2] for i in range(len(text)) if text[i] == ord("#")}

    def test_the_answer_is_the_value_of_the_key_asked_for(self):
        for settings in [{}, {"pairs": 1}, {"length": 65536}, {"fillers": 1, "align": 64}]:
            answers = collections.Counter()
            for index in range(40 if "length" in settings else 400):
                text = needle.sequence(task(**settings), "train", index)
                self.assertEqual(len(text), settings.get("length", 1024))
                self.assertEqual((text.count(b"?"), text.count(b"="), text[-2]), (1, 1, ord("=")))
                pairs = self.pairs(text)
                self.assertEqual(len(pairs), settings.get("pairs", 4))
                self.assertEqual(pairs[text[text.index(b"?") + 1]], text[-1])
                self.assertLess(text.rindex(b"#"), max(len(text) // 8, 4 * 64))
                answers[text[-1] - needle.FIRST_VALUE] += 1
            if "length" not in settings:
                self.assertEqual(set(answers), set(range(16)))
                self.assertLess(max(answers.values()), 60)  # 25 each, on the average

    def test_sequences_depend_on_their_number_alone(self):
        one = [needle.sequence(task(), "train", index) for index in range(6)]
        self.assertEqual(len({bytes(text) for text in one}), 6)
        self.assertEqual(needle.sequence(task(), "train", 4), one[4])
        self.assertNotEqual(needle.sequence(task(), "held-out", 4), one[4])
        self.assertNotEqual(needle.sequence(task(seed=2), "train", 4), one[4])

    def test_the_file_masks_all_but_the_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "batches.safetensors")
            needle.write(path, task(), "train", 2, [2, 3, 1024])
            tensors = safetensors_io.load(path)
        self.assertEqual({name: shape for name, (shape, _) in tensors.items()},
                         {"ids": [2, 3, 1024], "loss_mask": [2, 3, 1024]})
        expected = b"".join(needle.sequence(task(), "train", index) for index in range(2, 8))
        self.assertEqual(bytes(tensors["ids"][1]), expected)
        self.assertEqual([i % 1024 for i, weight in enumerate(tensors["loss_mask"][1]) if weight], [1023] * 6)


if __name__ == "__main__":
    unittest.main()
