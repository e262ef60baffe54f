# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `mblm import` with PyTorch's files: good, strange, damaged and hostile ones. Environment MBLM: the program. Runs in the
# repository's root.
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile
from collections import OrderedDict

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io
import torch_io
from torch_io import Storage, Tensor

MBLM = os.environ["MBLM"]
GOLDEN = "test/golden/mblm/d05_2d_tt_fixed_exact"


class TorchWeights(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.tensors = safetensors_io.load(f"{GOLDEN}/weights.safetensors")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def state(self, kind="FloatStorage"):
        return OrderedDict((name, Tensor(Storage(kind, values), shape)) for name, (shape, values) in self.tensors.items())

    def convert(self, weights):
        done = subprocess.run([MBLM, "import", "mblm", f"{GOLDEN}/config.json", "--weights", weights, "-o",
                               self.path("spec.json"), "--weights-out", self.path("out.safetensors"), "--json"],
                              capture_output=True, timeout=600)
        return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")

    def converts(self, value, expected=None, **options):
        torch_io.save(self.path("w.pth"), value, **options)
        code, _, err = self.convert(self.path("w.pth"))
        self.assertEqual(code, 0, err)
        found = safetensors_io.load(self.path("out.safetensors"))
        expected = expected or self.tensors
        self.assertEqual([name for name in expected if name not in found and not name.endswith(".inv_freq")], [])
        for name, (shape, values) in found.items():
            self.assertEqual(shape, expected[name][0], name)
            self.assertTrue(list(values) == list(expected[name][1]), name)

    def refuses(self, code, message, value=None, **options):
        if value is not None:
            torch_io.save(self.path("w.pth"), value, **options)
        result = self.convert(self.path("w.pth"))
        self.assertEqual(result[0], code, result)
        self.assertEqual(len(result[2].strip().splitlines()), 1, result[2])
        self.assertIn(message, result[2])
        self.assertFalse(os.path.exists(self.path("out.safetensors")))
        self.assertFalse(os.path.exists(self.path("spec.json")))

    def changed(self, tensor):
        """A state dict whose first tensor is another one."""
        state = self.state()
        state[next(iter(state))] = tensor
        return state

    def first(self):
        name = next(iter(self.tensors))
        return name, *self.tensors[name]

    # What loads.

    def test_a_checkpoint_of_mblm(self):
        for protocol in [2, 3, 4, 5]:
            self.converts({"MODEL": self.state(), "LOSS": 1.25}, protocol=protocol)

    def test_a_bare_state_dict(self):
        self.converts(self.state(), name="other")
        state = self.state()
        state._metadata = OrderedDict([("", {"version": 1})])  # as PyTorch's modules add it
        self.converts(state)

    def test_other_types_become_f32(self):
        rounded = {name: (shape, [struct.unpack("<e", struct.pack("<e", v))[0] for v in values])
                   for name, (shape, values) in self.tensors.items()}
        self.converts(self.state("HalfStorage"), rounded)
        self.converts(self.state("DoubleStorage"))
        raws = {name: [struct.pack("<f", v)[2:] for v in values] for name, (_, values) in self.tensors.items()}
        cut = {name: (shape, [struct.unpack("<f", b"\0\0" + raw)[0] for raw in raws[name]])
               for name, (shape, _) in self.tensors.items()}
        self.converts({name: Tensor(Storage("BFloat16Storage", b"".join(raws[name]), len(raws[name])), shape)
                       for name, (shape, _) in self.tensors.items()}, cut)

    def test_strides_and_offsets(self):
        name = next(name for name, (shape, _) in self.tensors.items() if len(shape) == 2 and shape[0] != shape[1])
        (rows, columns), values = self.tensors[name]
        turned = [values[r * columns + c] for c in range(columns) for r in range(rows)]
        state = self.state()
        state[name] = Tensor(Storage("FloatStorage", [9.0, 9.0, 9.0] + turned), [rows, columns], [1, rows], 3)
        self.converts(state)
        # Two tensors of one storage.
        shared = Storage("FloatStorage", [v for _, values in self.tensors.values() for v in values])
        offset, state = 0, {}
        for name, (shape, values) in self.tensors.items():
            state[name] = Tensor(shared, shape, offset=offset)
            offset += len(values)
        self.converts(state)

    # What is refused.

    def test_names_of_other_things_are_never_looked_up(self):
        class Evil:
            def __reduce__(self):
                return os.mkdir, (self.path,)

        evil = Evil()
        evil.path = self.path("executed")
        for protocol in [2, 4]:
            self.refuses(3, "names 'posix.mkdir'", {"MODEL": self.state(), "LOSS": evil}, protocol=protocol)
        self.assertFalse(os.path.exists(evil.path))
        self.refuses(3, "names 'builtins.getattr'", {"MODEL": self.state(), "LOSS": getattr}, protocol=4)
        self.refuses(3, "names 'torch.ShortStorage'", self.raw(b"\x80\x02ctorch\nShortStorage\n."))
        self.refuses(3, "uses opcode 129", self.raw(b"\x80\x02ccollections\nOrderedDict\n)\x81."))
        self.refuses(3, "calls 'collections.OrderedDict' with other arguments",
                     self.raw(b"\x80\x02ccollections\nOrderedDict\n]\x85R."))
        self.refuses(3, "calls 'torch.FloatStorage' with other arguments", self.raw(b"\x80\x02ctorch\nFloatStorage\n)R."))
        self.refuses(3, "sets the state of an object", self.raw(b"\x80\x02K\x01}b."))
        self.refuses(3, "is no storage", self.raw(b"\x80\x02K\x01Q."))

    def raw(self, pickled):
        with zipfile.ZipFile(self.path("w.pth"), "w") as file:
            file.writestr("archive/data.pkl", pickled)
        return None

    def test_damaged_pickles(self):
        for pickled, message in [(b"", "ends too early"), (b"\x80\x02K", "ends too early at byte 2"),
                                 (b"\x80\x02X\xff\xff\xff\xffabc", "ends too early"), (b"\x80\x02ctorch", "ends too early"),
                                 (b"\x80\x02.", "empty stack"), (b"\x80\x02h\x05.", "recalls what it never kept"),
                                 (b"\x80\x02u.", "misses a mark"), (b"\x80\x02(0.", "empty stack"),
                                 (b"\x80\x02K\x01K\x02a.", "fills something else"), (b"\x80\x02}(K\x01u.", "fills something else"),
                                 (b"\x80\x02K\x01)R.", "calls what is no name"), (b"\x80\x02\x8a\x09123456789.", "beyond 64 bits")]:
            self.raw(pickled)
            self.refuses(8, message)
        self.refuses(3, "has protocol 1", self.raw(b"\x80\x01."))
        self.refuses(3, "holds no state dict", self.raw(b"\x80\x02}."))
        self.refuses(3, "holds no state dict", self.raw(b"\x80\x02N."))
        self.refuses(3, "holds no state dict", self.raw(b"\x80\x02]q\x00h\x00a."))  # a list that holds itself
        torch_io.save(self.path("good.pth"), {"MODEL": self.state(), "LOSS": 0.5})
        with zipfile.ZipFile(self.path("good.pth")) as file:
            pickled = file.read("archive/data.pkl")
        for length in range(0, len(pickled), max(1, len(pickled) // 40)):
            self.raw(pickled[:length])
            self.refuses(8, "")

    def test_tensors_that_do_not_fit_their_storages(self):
        name, shape, values = self.first()
        count = len(values)
        self.refuses(8, f"storage of tensor '{name}' has {4 * count - 4} bytes",
                     self.changed(Tensor(Storage("FloatStorage", values[:-1], count), shape)))
        self.refuses(8, "reaches beyond its storage", self.changed(Tensor(Storage("FloatStorage", values[:-1]), shape)))
        self.refuses(8, "reaches beyond its storage", self.changed(Tensor(Storage("FloatStorage", values), shape, offset=1)))
        self.refuses(8, "reaches beyond its storage",
                     self.changed(Tensor(Storage("FloatStorage", values), [1 << 62, 1 << 62], [1 << 62, 1])))
        self.refuses(3, "repeats elements", self.changed(Tensor(Storage("FloatStorage", values), [count, 2], [1, 0])))
        self.refuses(8, "no whole numbers", self.changed(Tensor(Storage("FloatStorage", values), [count], [-1])))
        self.refuses(8, "1 sizes and 2 strides", self.changed(Tensor(Storage("FloatStorage", values), [count], [1, 1])))
        self.refuses(3, "1 wrongly shaped", self.changed(Tensor(Storage("FloatStorage", values), [count, 1, 1])))

    def test_other_contents(self):
        self.refuses(3, "which is no tensor", {**self.state(), "step": 3})
        self.refuses(3, "holds several state dicts, 'a', 'b'", {"a": self.state(), "b": self.state()})
        self.refuses(3, "big-endian", self.state(), byteorder="big")
        self.refuses(3, "compressed", self.state(), compression=zipfile.ZIP_DEFLATED)
        state = self.state()
        missing, _ = state.popitem()
        self.refuses(3, f"1 missing ({missing}", state)

    def test_damaged_files(self):
        torch_io.save(self.path("good.pth"), self.state())
        with open(self.path("good.pth"), "rb") as file:
            good = file.read()
        for length in [len(good) - 1, len(good) - 30, len(good) // 2, 10]:
            with open(self.path("w.pth"), "wb") as file:
                file.write(good[:length])
            self.refuses(8, "w.pth' is corrupt")
        name, _, values = self.first()
        raw = struct.pack(f"<{len(values)}f", *values)
        at = good.index(raw)
        with open(self.path("w.pth"), "wb") as file:
            file.write(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        self.refuses(8, "CRC")
        with zipfile.ZipFile(self.path("good.pth")) as old, zipfile.ZipFile(self.path("w.pth"), "w") as new:
            for item in old.namelist():
                if item != "archive/data/1":
                    new.writestr(item, old.read(item))
        self.refuses(8, "has no file 'archive/data/1'")
        with zipfile.ZipFile(self.path("w.pth"), "w") as file:
            file.writestr("archive/weights", b"")
        self.refuses(3, "without 'data.pkl'")
        with open(self.path("w.pth"), "wb") as file:
            pickle.dump({"MODEL": {}}, file)
        self.refuses(3, "is no zip file")
        os.remove(self.path("w.pth"))
        self.refuses(5, "w.pth")

    def test_other_commands_say_what_to_do(self):
        torch_io.save(self.path("w.pth"), self.state())
        done = subprocess.run([MBLM, "generate", "models/mblm-360m-2d-tt-tiny.json", "--cache", self.path("cache"), "--target",
                               "reference", "--weights", self.path("w.pth"), "-n", "1"], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 8)
        self.assertIn(b"'mblm import' converts", done.stderr)


if __name__ == "__main__":
    unittest.main()
