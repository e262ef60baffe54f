# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Files like those of torch.save, without PyTorch: a zip with `data.pkl` and a raw file for each storage.
import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

FORMATS = {"FloatStorage": "f", "DoubleStorage": "d", "HalfStorage": "e", "LongStorage": "q", "IntStorage": "i",
           "CharStorage": "b", "ByteStorage": "B", "BoolStorage": "?"}


def _module(name, **members):
    """A module that pickle finds the members in, by reference alone."""
    module = types.ModuleType(name)
    for key, member in members.items():
        member.__module__, member.__qualname__, member.__name__ = name, key, key
        setattr(module, key, member)
    sys.modules.setdefault(name, module)
    return module


def _rebuild_tensor_v2(*arguments):
    raise AssertionError("nothing is rebuilt here")


_module("torch", **{name: type(name, (), {}) for name in [*FORMATS, "BFloat16Storage"]})
_module("torch._utils", _rebuild_tensor_v2=_rebuild_tensor_v2)


class Storage:
    """A storage of numbers, or of bytes as they are to lie in the file."""

    def __init__(self, kind, values, elements=None):
        self.kind = kind
        self.raw = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{FORMATS[kind]}", *values)
        self.elements = len(values) if elements is None else elements


class Tensor:
    def __init__(self, storage, shape, strides=None, offset=0):
        if strides is None:
            strides = []
            for size in reversed(shape):
                strides.insert(0, strides[0] * following if strides else 1)
                following = size
        self.arguments = (offset, tuple(shape), tuple(strides), False, OrderedDict())
        self.storage = storage

    def __reduce__(self):
        return _rebuild_tensor_v2, (self.storage, *self.arguments)


def save(path, value, protocol=2, compression=zipfile.ZIP_STORED, byteorder="little", name="archive"):
    storages = []

    class Pickler(pickle.Pickler):
        def persistent_id(self, item):
            if not isinstance(item, Storage):
                return None
            if item not in storages:
                storages.append(item)
            kind = getattr(sys.modules["torch"], item.kind)
            return "storage", kind, str(storages.index(item)), "cpu", item.elements

    stream = io.BytesIO()
    Pickler(stream, protocol).dump(value)
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr(f"{name}/data.pkl", stream.getvalue())
        file.writestr(f"{name}/byteorder", byteorder)
        for number, storage in enumerate(storages):
            file.writestr(f"{name}/data/{number}", storage.raw)
        file.writestr(f"{name}/version", "3\n")
