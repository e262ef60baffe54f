// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How new a byte each row of a value may depend on. The rows of one batch element are counted through all of its
// sequences; row r depends on bytes up to `(r div p) * stride + bytes[r mod p]` with p the number of entries:
// hierarchies repeat patch by patch, so a few entries describe every length. Operations give upper bounds.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace mblm {

class NewestByte {
public:
  static constexpr int64_t none = INT64_MIN / 4; // no byte at all
  static constexpr int64_t all = INT64_MAX / 4;  // perhaps every byte

  // Row r depends on nothing; on byte r; on bytes up to `byte`; on anything.
  static NewestByte nothing() { return NewestByte({none}, 0); }
  static NewestByte itself() { return NewestByte({0}, 1); }
  static NewestByte upTo(int64_t byte) { return NewestByte({byte}, 0); }
  static NewestByte anything() { return NewestByte({all}, 0); }

  int64_t period() const { return static_cast<int64_t>(bytes.size()); }
  int64_t at(int64_t row) const;
  // The first row r that may depend on byte r + offset, or on a later one.
  std::optional<int64_t> firstLateRow(int64_t offset) const;

  NewestByte joined(const NewestByte &other) const;
  // Row r of the result is row r + by.
  NewestByte shifted(int64_t by) const;
  // Each row becomes n rows; n rows become one.
  NewestByte opened(int64_t n) const;
  NewestByte closed(int64_t n) const;
  // Row r joined with the rows before it, in sequences of `length` rows; `length` < 0 where there is but one sequence.
  NewestByte prefixed(int64_t length) const;
  // Sequences of `length` rows become sequences of `newLength`: row t is what `rowOf` makes of t, given the rows of the
  // old sequence.
  using RowOf = llvm::function_ref<int64_t(int64_t, llvm::ArrayRef<int64_t>)>;
  NewestByte mapped(int64_t length, int64_t newLength, RowOf rowOf) const;

private:
  NewestByte(llvm::SmallVector<int64_t> bytes, int64_t stride);
  // The same function written with `period` entries, a multiple of the present number.
  NewestByte repeated(int64_t period) const;

  llvm::SmallVector<int64_t> bytes;
  int64_t stride;
};

} // namespace mblm
