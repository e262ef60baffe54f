# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What tests of `mblm` from outside share. Environment MBLM: the program. They run in the repository's root.
import os
import subprocess
import tempfile
import unittest

MBLM = os.environ["MBLM"]


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

    def fails(self, code, message, result):
        self.assertEqual(result[0], code, result)
        self.assertEqual(len(result[2].strip().splitlines()), 1, result[2])
        self.assertIn(message, result[2])
