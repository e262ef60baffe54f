# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The needle task. A sequence is filler in which pairs of a key and a value are hidden, `#` KEY VALUE, all of them in its
# first eighth. Some way before the end it asks for one of the keys, `?` KEY, and it ends with `=` and that key's value,
# the only byte that has a loss. Keys and values look like nothing else, and the values are drawn for each sequence, so
# that only reading the pair can tell the answer.
#
# Every draw is a function of (seed, split, sequence): the same sequences come whatever else is drawn, and two splits
# have none in common but by chance.
import argparse
import hashlib
import json
import struct

FILLER = b"abcdefghijklmnopqrstuvwxyz,. \n\t;"  # 32 of them, so that every one is as likely
KEYS = bytes(range(ord("A"), ord("A") + 16))
FIRST_VALUE = 0x80
PAIR = 3  # bytes


class Draws:
    """Random numbers that depend on a key alone."""

    def __init__(self, *key):
        self.key = repr(key).encode()
        self.used = 0

    def bytes(self, count):
        self.used += 1
        return hashlib.shake_128(self.key + struct.pack("<q", self.used)).digest(count)

    def below(self, n):
        return int.from_bytes(self.bytes(16), "little") % n

    def choose(self, n, count):
        """`count` different numbers below n, in the order of their drawing."""
        pool = list(range(n))
        return [pool.pop(self.below(len(pool))) for _ in range(count)]


def sequence(task, split, index):
    draws = Draws(task.seed, split, index)
    text = bytearray(draws.bytes(task.length).translate(bytes(FILLER[b % task.fillers] for b in range(256))))
    room = max(task.length // 8, task.pairs * task.apart) // task.apart
    keys = draws.choose(len(KEYS), task.pairs)
    values = [draws.below(task.values) for _ in keys]
    for key, value, place in zip(keys, values, draws.choose(room, task.pairs)):
        at = place * task.apart + draws.below(task.apart // task.align) * task.align
        text[at:at + PAIR] = bytes([ord("#"), KEYS[key], FIRST_VALUE + value])
    asked = draws.below(task.pairs)
    question = task.length - task.distance
    text[question:question + 2] = bytes([ord("?"), KEYS[keys[asked]]])
    text[-2:] = bytes([ord("="), FIRST_VALUE + values[asked]])
    return text


def write(path, task, split, first, shape):
    """Safetensors with U8 `ids` and `loss_mask` of the shape, [..., length]."""
    count = 1
    for n in shape[:-1]:
        count *= n
    size = count * task.length
    header = json.dumps({
        "ids": {"dtype": "U8", "shape": shape, "data_offsets": [0, size]},
        "loss_mask": {"dtype": "U8", "shape": shape, "data_offsets": [size, 2 * size]},
    }).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for index in range(first, first + count):
            file.write(sequence(task, split, index))
        mask = bytes(task.length - 1) + b"\x01"
        for _ in range(count):
            file.write(mask)


def main():
    parser = argparse.ArgumentParser(description="Writes batches of the needle task as safetensors.")
    parser.add_argument("output")
    parser.add_argument("--split", default="train", help="train or held-out, or any other word")
    parser.add_argument("--first", type=int, default=0, help="number of the first sequence")
    parser.add_argument("--steps", type=int, default=1, help="batches")
    parser.add_argument("--batch", type=int, default=1, help="sequences of a batch")
    parser.add_argument("--length", type=int, default=65536, help="bytes of a sequence")
    parser.add_argument("--pairs", type=int, default=4, help="pairs of key and value, of which one is asked for")
    parser.add_argument("--values", type=int, default=16, help="different values")
    parser.add_argument("--fillers", type=int, default=32, help="different bytes between the pairs")
    parser.add_argument("--apart", type=int, default=64, help="at most one pair in each block of so many bytes")
    parser.add_argument("--align", type=int, default=4, help="pairs begin at multiples of this")
    parser.add_argument("--distance", type=int, default=96, help="bytes from the question to the end")
    parser.add_argument("--seed", type=int, default=1)
    task = parser.parse_args()
    write(task.output, task, task.split, task.first, [task.steps, task.batch, task.length])


if __name__ == "__main__":
    main()
