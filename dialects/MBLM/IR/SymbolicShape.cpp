// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on linear forms.
#include "dialects/MBLM/IR/SymbolicShape.h"

using namespace mblm;

std::optional<SymbolicDim> SymbolicDim::times(const SymbolicDim &o) const {
  // Terms of the product beyond B*M and B*P: two lengths, two batches, and anything times one of these but a constant.
  auto length = [](const SymbolicDim &d) { return d.m || d.p; };
  auto both = [](const SymbolicDim &d) { return d.bm || d.bp; };
  bool beyond = (length(*this) && length(o)) || (b && o.b) || (both(*this) && (length(o) || o.b || both(o))) ||
                (both(o) && (length(*this) || b)) || piece || o.piece;
  if (beyond) {
    return std::nullopt;
  }
  return SymbolicDim{one * o.one,
                     one * o.m + m * o.one,
                     one * o.b + b * o.one,
                     one * o.bm + bm * o.one + m * o.b + b * o.m,
                     0,
                     one * o.p + p * o.one,
                     one * o.bp + bp * o.one + p * o.b + b * o.p};
}

std::optional<SymbolicDim> SymbolicDim::dividedBy(const SymbolicDim &o) const {
  if (piece || o.piece) {
    return std::nullopt;
  }
  bool exact = true;
  auto by = [&exact](int64_t divisor) {
    return [&exact, divisor](int64_t n) {
      exact &= n % divisor == 0;
      return n / divisor;
    };
  };
  std::optional<SymbolicDim> quotient;
  if (o.one && o.isConstant()) {
    quotient = mapped(by(o.one));
  } else if (o.b && o == batch().scaled(o.b) && !one && !m && !p) {
    quotient = SymbolicDim{b, bm, 0, 0, 0, bp}.mapped(by(o.b));
  }
  return exact ? quotient : std::nullopt;
}

llvm::raw_ostream &mblm::operator<<(llvm::raw_ostream &os, const SymbolicDim &dim) {
  const char *separator = "";
  auto term = [&](int64_t coefficient, const char *symbol) {
    if (!coefficient) {
      return;
    }
    os << separator;
    separator = " + ";
    if (coefficient != 1 || !*symbol) {
      os << coefficient << (*symbol ? "*" : "");
    }
    os << symbol;
  };
  term(dim.piece, "G");
  term(dim.bm, "B*M");
  term(dim.bp, "B*P");
  term(dim.b, "B");
  term(dim.m, "M");
  term(dim.p, "P");
  term(dim.one, "");
  if (!*separator) {
    os << 0;
  }
  return os;
}

std::optional<SymbolicDim> mblm::numElements(const SymbolicShape &shape) {
  std::optional<SymbolicDim> product = SymbolicDim::constant(1);
  for (const SymbolicDim &dim : shape) {
    product = product->times(dim);
    if (!product) {
      return std::nullopt;
    }
  }
  return product;
}
