// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes as linear forms of B (batch), M (outermost slots) and, where the data decides the patches, P (the most patches of a
// sequence): one + m*M + b*B + bm*B*M + p*P + bp*B*P. All dynamic sizes of a compiled model, and the whole memory plan, are such
// forms; that is what lets one artifact serve every batch and length. Memory plans have one term more, for what is made piece by
// piece (`mblm.pieces`): piece*G, G the slots of the largest piece.
#pragma once

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <optional>

namespace mblm {

struct SymbolicDim {
  int64_t one = 0, m = 0, b = 0, bm = 0, piece = 0, p = 0, bp = 0;

  static SymbolicDim constant(int64_t n) { return {n}; }
  static SymbolicDim batch() { return {0, 0, 1}; }
  static SymbolicDim slots() { return {0, 1}; }
  static SymbolicDim patches() { return {0, 0, 0, 0, 0, 1}; }

  bool isConstant() const { return *this == constant(one); }
  int64_t evaluate(int64_t batch, int64_t slots, int64_t pieceSlots = 0, int64_t patches = 0) const {
    return one + m * slots + b * batch + bm * batch * slots + piece * pieceSlots + p * patches + bp * batch * patches;
  }

  bool operator==(const SymbolicDim &o) const {
    return one == o.one && m == o.m && b == o.b && bm == o.bm && piece == o.piece && p == o.p && bp == o.bp;
  }
  bool operator!=(const SymbolicDim &o) const { return !(*this == o); }
  SymbolicDim operator+(const SymbolicDim &o) const { return combined(o, [](int64_t x, int64_t y) { return x + y; }); }
  // Each coefficient through a function, alone or with that of another form.
  template <typename Function>
  SymbolicDim mapped(const Function &f) const {
    return {f(one), f(m), f(b), f(bm), f(piece), f(p), f(bp)};
  }
  template <typename Function>
  SymbolicDim combined(const SymbolicDim &o, const Function &f) const {
    return {f(one, o.one), f(m, o.m), f(b, o.b), f(bm, o.bm), f(piece, o.piece), f(p, o.p), f(bp, o.bp)};
  }
  // Whether no coefficient is larger than the other form's.
  bool within(const SymbolicDim &o) const {
    return one <= o.one && m <= o.m && b <= o.b && bm <= o.bm && piece <= o.piece && p <= o.p && bp <= o.bp;
  }
  SymbolicDim scaled(int64_t factor) const {
    return mapped([factor](int64_t n) { return n * factor; });
  }
  // Absent where the product has a term beyond B*M and B*P, or one in G.
  std::optional<SymbolicDim> times(const SymbolicDim &o) const;
  // Absent where the quotient is no form in B, M and P (a coefficient does not divide, or the divisor has more than one term).
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
