// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes as linear forms of B (batch) and M (outermost slots): one + m*M + b*B + bm*B*M. All dynamic sizes of a compiled
// model, and the whole memory plan, are such forms; that is what lets one artifact serve every batch and length. Memory
// plans have one term more, for what is made piece by piece (`mblm.pieces`): piece*G, G the slots of the largest piece.
#pragma once

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <optional>

namespace mblm {

struct SymbolicDim {
  int64_t one = 0, m = 0, b = 0, bm = 0, piece = 0;

  static SymbolicDim constant(int64_t n) { return {n, 0, 0, 0}; }
  static SymbolicDim batch() { return {0, 0, 1, 0}; }
  static SymbolicDim slots() { return {0, 1, 0, 0}; }

  bool isConstant() const { return m == 0 && b == 0 && bm == 0 && piece == 0; }
  int64_t evaluate(int64_t batch, int64_t slots, int64_t pieceSlots = 0) const {
    return one + m * slots + b * batch + bm * batch * slots + piece * pieceSlots;
  }

  bool operator==(const SymbolicDim &o) const {
    return one == o.one && m == o.m && b == o.b && bm == o.bm && piece == o.piece;
  }
  bool operator!=(const SymbolicDim &o) const { return !(*this == o); }
  SymbolicDim operator+(const SymbolicDim &o) const { return {one + o.one, m + o.m, b + o.b, bm + o.bm, piece + o.piece}; }
  // Absent where the product has a term beyond B*M, or one in G.
  std::optional<SymbolicDim> times(const SymbolicDim &o) const;
  // Absent where the quotient is no form in B and M (a coefficient does not divide, or the divisor has more than one term).
  std::optional<SymbolicDim> dividedBy(const SymbolicDim &o) const;
};

using SymbolicShape = llvm::SmallVector<SymbolicDim, 3>;

llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const SymbolicDim &dim);
std::optional<SymbolicDim> numElements(const SymbolicShape &shape);

// How a result's position t depends on an operand's positions.
enum class TimeDependence {
  None,      // not at all, or the operand has no positions (parameters)
  Pointwise, // on t alone
  Prefix,    // on t and earlier
  Earlier,   // only on earlier ones
  Later,     // also on later ones
  Patch,     // on the positions of the patch that t stands for (regrouping; the patch's border decides)
};

} // namespace mblm
