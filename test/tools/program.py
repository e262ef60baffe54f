# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What tests of `mblm` from outside share. Environment MBLM: the program. They run in the repository's root.
import os
import subprocess
import tempfile
import unittest

MBLM = os.environ["MBLM"]
TEXT = b"Wenn Fl\xc3\xbcsse steigen, for (int i = 0; i < n; ++i) the quick brown fox jumps over the lazy dog. " * 40  # to train on


class ProgramTest(unittest.TestCase):
    """A folder for all tests of a class, and what the program answers: exit code, stdout, stderr."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def write(cls, name, content):
        with open(cls.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return cls.path(name)

    @classmethod
    def native(cls):
        """Options that keep compiled models in the folder."""
        return ["--cache", cls.path("cache")]

    @staticmethod
    def mblm(*arguments, **options):
        done = subprocess.run([MBLM, *arguments], capture_output=True, timeout=600, **options)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    @classmethod
    def answer(cls, *arguments):
        return cls.mblm(*arguments, *cls.native())

    def works(self, *arguments):
        code, out, err = self.answer(*arguments)
        self.assertEqual(code, 0, err)
        return out, err

    def refuses(self, code, message, *arguments):
        self.fails(code, message, self.answer(*arguments))

    def fails(self, code, message, result):
        self.assertEqual(result[0], code, result)
        self.assertEqual(len(result[2].strip().splitlines()), 1, result[2])
        self.assertIn(message, result[2])
