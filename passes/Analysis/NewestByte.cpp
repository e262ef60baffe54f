// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on periodic bounds.
#include "passes/Analysis/NewestByte.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mblm;
using llvm::SmallVector;

// Longer common periods give up: the bound becomes `anything`.
static constexpr int64_t longestPeriod = 1 << 22;

static bool isBound(int64_t byte) { return byte != NewestByte::none && byte != NewestByte::all; }

static int64_t moved(int64_t byte, int64_t by) { return isBound(byte) ? byte + by : byte; }

// Keeps the shortest period that says the same.
NewestByte::NewestByte(SmallVector<int64_t> entries, int64_t perPeriod) : bytes(std::move(entries)), stride(perPeriod) {
  int64_t length = period();
  for (int64_t shorter = 1; shorter <= length / 2; ++shorter) {
    if (length % shorter || stride % (length / shorter)) {
      continue;
    }
    int64_t step = stride / (length / shorter);
    bool repeats = llvm::all_of(llvm::seq<int64_t>(shorter, length),
                                [&](int64_t i) { return bytes[i] == moved(bytes[i - shorter], step); });
    if (repeats) {
      bytes.truncate(shorter);
      stride = step;
      return;
    }
  }
}

int64_t NewestByte::at(int64_t row) const {
  int64_t turn = llvm::divideFloorSigned(row, period());
  return moved(bytes[row - turn * period()], turn * stride);
}

std::optional<int64_t> NewestByte::firstLateRow(int64_t offset) const {
  std::optional<int64_t> first;
  for (int64_t row = 0; row < period(); ++row) {
    int64_t byte = moved(bytes[row], -offset), gain = stride - period();
    if (byte == none || (byte < row && gain <= 0)) {
      continue;
    }
    // Each period brings the byte nearer by `gain`.
    int64_t late = byte >= row ? row : row + period() * llvm::divideCeilSigned(row - byte, gain);
    first = std::min(first.value_or(late), late);
  }
  return first;
}

NewestByte NewestByte::repeated(int64_t length) const {
  NewestByte result = *this;
  result.bytes.clear();
  for (int64_t row = 0; row < length; ++row) {
    result.bytes.push_back(at(row));
  }
  result.stride = stride * (length / period());
  return result;
}

NewestByte NewestByte::joined(const NewestByte &other) const {
  int64_t length = std::lcm(period(), other.period());
  if (length > longestPeriod) {
    return anything();
  }
  NewestByte a = repeated(length), b = other.repeated(length);
  for (auto [mine, theirs] : llvm::zip_equal(a.bytes, b.bytes)) {
    mine = std::max(mine, theirs);
  }
  // Rows count from zero, so the larger stride bounds both.
  return NewestByte(a.bytes, std::max(a.stride, b.stride));
}

NewestByte NewestByte::shifted(int64_t by) const {
  SmallVector<int64_t> entries;
  for (int64_t row = 0; row < period(); ++row) {
    entries.push_back(at(row + by));
  }
  return NewestByte(entries, stride);
}

NewestByte NewestByte::opened(int64_t n) const {
  SmallVector<int64_t> entries;
  for (int64_t byte : bytes) {
    entries.append(n, byte);
  }
  return NewestByte(entries, stride);
}

NewestByte NewestByte::closed(int64_t n) const {
  return mapped(n, 1, [](int64_t, llvm::ArrayRef<int64_t> rows) { return *llvm::max_element(rows); });
}

NewestByte NewestByte::prefixed(int64_t length) const {
  if (length >= 0) {
    return mapped(length, length,
                  [](int64_t t, llvm::ArrayRef<int64_t> rows) { return *llvm::max_element(rows.take_front(t + 1)); });
  }
  // One long sequence: all of the period before, and this one's rows so far.
  int64_t newest = moved(*llvm::max_element(bytes), -stride);
  SmallVector<int64_t> entries;
  for (int64_t byte : bytes) {
    newest = std::max(newest, byte);
    entries.push_back(newest);
  }
  return NewestByte(entries, stride);
}

NewestByte NewestByte::mapped(int64_t length, int64_t newLength, RowOf rowOf) const {
  int64_t rows = std::lcm(period(), length);
  if (rows > longestPeriod) {
    return anything();
  }
  NewestByte source = repeated(rows);
  SmallVector<int64_t> entries;
  for (int64_t begin = 0; begin < rows; begin += length) {
    for (int64_t t = 0; t < newLength; ++t) {
      entries.push_back(rowOf(t, llvm::ArrayRef(source.bytes).slice(begin, length)));
    }
  }
  return NewestByte(entries, source.stride);
}
