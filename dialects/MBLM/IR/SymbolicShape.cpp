// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on linear forms of B and M.
#include "dialects/MBLM/IR/SymbolicShape.h"

using namespace mblm;

std::optional<SymbolicDim> SymbolicDim::times(const SymbolicDim &o) const {
  // Terms of the product beyond B*M: M*M, B*B, and anything times B*M but a constant.
  bool beyond = (m && o.m) || (b && o.b) || (bm && (o.m || o.b || o.bm)) || (o.bm && (m || b)) || piece || o.piece;
  if (beyond) {
    return std::nullopt;
  }
  return SymbolicDim{one * o.one, one * o.m + m * o.one, one * o.b + b * o.one,
                     one * o.bm + bm * o.one + m * o.b + b * o.m};
}

std::optional<SymbolicDim> SymbolicDim::dividedBy(const SymbolicDim &o) const {
  auto divide = [](int64_t a, int64_t d) -> std::optional<int64_t> {
    return a % d ? std::nullopt : std::optional<int64_t>(a / d);
  };
  if (piece || o.piece) {
    return std::nullopt;
  }
  if (o.one && !o.m && !o.b && !o.bm) {
    auto q1 = divide(one, o.one), qm = divide(m, o.one), qb = divide(b, o.one), qbm = divide(bm, o.one);
    if (q1 && qm && qb && qbm) {
      return SymbolicDim{*q1, *qm, *qb, *qbm};
    }
  } else if (!o.one && !o.m && o.b && !o.bm && !one && !m) {
    auto qb = divide(b, o.b), qbm = divide(bm, o.b);
    if (qb && qbm) {
      return SymbolicDim{*qb, *qbm, 0, 0};
    }
  }
  return std::nullopt;
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
  term(dim.b, "B");
  term(dim.m, "M");
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
