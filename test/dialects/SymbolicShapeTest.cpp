// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on linear forms against that on polynomials in B, M and P.
#include "dialects/MBLM/IR/SymbolicShape.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>

using namespace mblm;

namespace {

using Powers = std::tuple<int, int, int>; // of B, M and P
using Polynomial = std::map<Powers, int64_t>;

Polynomial polynomial(const SymbolicDim &dim) {
  Polynomial all{{{0, 0, 0}, dim.one}, {{0, 1, 0}, dim.m},  {{1, 0, 0}, dim.b},
                 {{1, 1, 0}, dim.bm},  {{0, 0, 1}, dim.p},  {{1, 0, 1}, dim.bp}};
  for (auto term = all.begin(); term != all.end();) {
    term = term->second ? std::next(term) : all.erase(term);
  }
  return all;
}

// Coefficients are not negative, as sizes' are: nothing cancels.
Polynomial product(const Polynomial &x, const Polynomial &y) {
  Polynomial all;
  for (const auto &[px, cx] : x) {
    for (const auto &[py, cy] : y) {
      all[{std::get<0>(px) + std::get<0>(py), std::get<1>(px) + std::get<1>(py), std::get<2>(px) + std::get<2>(py)}] += cx * cy;
    }
  }
  return all;
}

bool isForm(const Polynomial &all) {
  for (const auto &[powers, coefficient] : all) {
    auto [b, m, p] = powers;
    if (b > 1 || m + p > 1) {
      return false;
    }
  }
  return true;
}

SymbolicDim randomForm(std::mt19937_64 &random) {
  auto number = [&] { return random() % 3 ? int64_t(0) : int64_t(random() % 5); };
  return {number(), number(), number(), number(), 0, number(), number()};
}

std::string text(const SymbolicDim &dim) {
  std::string written;
  llvm::raw_string_ostream(written) << dim;
  return written;
}

TEST(SymbolicDim, ProductsAreThoseOfPolynomials) {
  std::mt19937_64 random(1);
  int forms = 0, others = 0;
  for (int n = 0; n < 5000; ++n) {
    SymbolicDim x = randomForm(random), y = randomForm(random);
    Polynomial expected = product(polynomial(x), polynomial(y));
    std::optional<SymbolicDim> got = x.times(y);
    ASSERT_EQ(got.has_value(), isForm(expected)) << "(" << text(x) << ") * (" << text(y) << ")";
    (got ? forms : others) += 1;
    if (got) {
      EXPECT_EQ(polynomial(*got), expected) << "(" << text(x) << ") * (" << text(y) << ")";
      EXPECT_EQ(got->evaluate(3, 5, 0, 7), x.evaluate(3, 5, 0, 7) * y.evaluate(3, 5, 0, 7));
    }
  }
  EXPECT_GT(forms, 500);
  EXPECT_GT(others, 500);
}

// Divisors are constants and multiples of B.
TEST(SymbolicDim, QuotientsTimesDivisorsAreWhatWasDivided) {
  std::mt19937_64 random(2);
  for (int n = 0; n < 2000; ++n) {
    int64_t factor = 1 + int64_t(random() % 4);
    SymbolicDim quotient = randomForm(random), divisor = random() % 2 ? SymbolicDim::constant(factor) : SymbolicDim::batch().scaled(factor);
    if (std::optional<SymbolicDim> whole = quotient.times(divisor)) {
      std::optional<SymbolicDim> got = whole->dividedBy(divisor);
      ASSERT_TRUE(got) << "(" << text(*whole) << ") / (" << text(divisor) << ")";
      EXPECT_EQ(text(*got), text(quotient));
      if (factor > 1) {
        EXPECT_FALSE((*whole + SymbolicDim::constant(1)).dividedBy(divisor));
        EXPECT_FALSE((*whole + SymbolicDim::patches()).dividedBy(divisor));
      }
    }
  }
  EXPECT_FALSE(SymbolicDim::patches().dividedBy(SymbolicDim::patches()));
  EXPECT_FALSE(SymbolicDim::patches().dividedBy(SymbolicDim::batch()));
}

TEST(SymbolicDim, PutsEveryTermInItsPlace) {
  SymbolicDim all{1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(text(all), "5*G + 4*B*M + 7*B*P + 3*B + 2*M + 6*P + 1");
  EXPECT_EQ(text(SymbolicDim()), "0");
  EXPECT_EQ(all.evaluate(/*batch=*/2, /*slots=*/10, /*pieceSlots=*/100, /*patches=*/1000), 1 + 20 + 6 + 80 + 500 + 6000 + 14000);
  EXPECT_TRUE(all.within(all));
  EXPECT_FALSE((all + SymbolicDim::patches()).within(all));
  EXPECT_FALSE((all + *SymbolicDim::patches().times(SymbolicDim::batch())).within(all));
  EXPECT_NE(SymbolicDim::patches(), SymbolicDim::slots());
}

} // namespace
