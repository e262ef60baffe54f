# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Safetensors files with the standard library alone: {name: (shape, values)}, and the notes that they hold.
import array
import json
import struct

CODES = {"U8": "B", "F32": "f", "I32": "i", "I64": "q"}


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    return data, size, json.loads(data[8:8 + size])


def notes(path):
    return read(path)[2].get("__metadata__", {})


def load(path):
    data, size, header = read(path)
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            values = array.array(CODES[entry["dtype"]], data[8 + size + begin:8 + size + end])
            tensors[name] = (entry["shape"], values)
    return tensors


def save(path, tensors, notes=None):
    header, body = {"__metadata__": notes} if notes else {}, b""
    for name, (dtype, shape, values) in tensors.items():
        raw = array.array(CODES[dtype], values).tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)
