// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floating point operations of each op, for concrete shapes. A multiply-add counts two; a root, an exponential or an
// error function counts one, as does a comparison of floats. Sines of rotations come from tables and count nothing.
#include "dialects/MBLM/IR/MBLMOps.h"

#include <cmath>

using namespace mlir;
using namespace mblm;

using Shapes = ArrayRef<SmallVector<int64_t>>;

static double elements(ArrayRef<int64_t> shape) {
  double product = 1;
  for (int64_t size : shape) {
    product *= static_cast<double>(size);
  }
  return product;
}

// Ops that move elements, or look them up.
#define NO_FLOPS(OP)                                                                                                   \
  double OP::getFlops(Shapes, Shapes) { return 0; }
NO_FLOPS(LoadOp)
NO_FLOPS(RegroupOp)
NO_FLOPS(StartTokenOp)
NO_FLOPS(StartOp)
NO_FLOPS(SliceOp)
NO_FLOPS(PadOp)
NO_FLOPS(NextByteOp)
NO_FLOPS(NextByteGradOp)
NO_FLOPS(SplitOp)
NO_FLOPS(ConcatOp)
NO_FLOPS(EmbedOp)
NO_FLOPS(TokenShiftOp)
#undef NO_FLOPS

// Ops with the same work for each element of one operand.
#define FLOPS_PER_ELEMENT(OP, OPERAND, COUNT)                                                                          \
  double OP::getFlops(Shapes operands, Shapes) { return (COUNT)*elements(operands[OPERAND]); }
FLOPS_PER_ELEMENT(EmbedGradOp, 1, 1)                                                // a sum
FLOPS_PER_ELEMENT(PositionOp, 0, 1)                                                 // a sum
FLOPS_PER_ELEMENT(AddOp, 0, 1)                                                      // a sum
FLOPS_PER_ELEMENT(NormOp, 0, getKind() == NormKind::Layer ? 7 : 4)                  // squares, scale, gain
FLOPS_PER_ELEMENT(NormGradOp, 1, getKind() == NormKind::Layer ? 16 : 11)            // row again, three sums, gains
FLOPS_PER_ELEMENT(ActivationOp, 0, getKind() == ActivationKind::Gelu ? 5 : 9)       // as written in the formula
FLOPS_PER_ELEMENT(ActivationGradOp, 1, getKind() == ActivationKind::Gelu ? 11 : 17) // value, slope, product
FLOPS_PER_ELEMENT(RopeOp, 0, 3)                                                     // six for a pair
FLOPS_PER_ELEMENT(CrossEntropyOp, 0, 4)                                             // maximum, difference, exp, sum
FLOPS_PER_ELEMENT(CrossEntropyGradOp, 1, 3)                                         // difference, exp, product
FLOPS_PER_ELEMENT(MeanLossOp, 0, 3)                                                 // weight, sum, count
FLOPS_PER_ELEMENT(MeanLossGradOp, 2, 2)                                             // product, quotient
#undef FLOPS_PER_ELEMENT

double LinearOp::getFlops(Shapes operands, Shapes results) {
  double reduced = static_cast<double>(operands[0].back());
  return elements(results[0]) * (2 * reduced + (getBias() ? 1 : 0));
}

double WeightGradOp::getFlops(Shapes operands, Shapes) {
  return 2 * elements(operands[0]) * static_cast<double>(operands[1].back());
}

double ReduceOp::getFlops(Shapes operands, Shapes) {
  const SmallVector<int64_t> &in = operands[0];
  return getOver() == ReduceOver::Starts ? static_cast<double>(in[0]) * static_cast<double>(in[2]) : elements(in);
}

// The number of (query, key) pairs that a mask lets through in one sequence of `length` positions.
static double visiblePairs(MaskKind mask, std::optional<uint64_t> block, double length) {
  auto triangle = [](double n) { return n * (n + 1) / 2; };
  switch (mask) {
  case MaskKind::Causal:
    return triangle(length);
  case MaskKind::BlockCausal: {
    double size = static_cast<double>(*block), blocks = std::floor(length / size);
    return blocks * triangle(size) + triangle(length - blocks * size);
  }
  case MaskKind::Full:
    return length * length;
  }
  llvm_unreachable("every mask has its count");
}

// Per pair and head: the score and the weighted value, of width d, and scaling, maximum, exponential and sum.
double AttentionOp::getFlops(Shapes operands, Shapes) {
  const SmallVector<int64_t> &query = operands[0];
  double pairs = visiblePairs(getMask(), getBlock(), static_cast<double>(query[1]));
  return static_cast<double>(query[0]) * pairs * (4.0 * static_cast<double>(query[2]) + 4.0 * getHeads());
}

// Per pair and head: the score again and four products of width d, and five operations on scalars. D is a row product.
double AttentionGradOp::getFlops(Shapes operands, Shapes) {
  const SmallVector<int64_t> &query = operands[1];
  double pairs = visiblePairs(getMask(), getBlock(), static_cast<double>(query[1]));
  return static_cast<double>(query[0]) * pairs * (10.0 * static_cast<double>(query[2]) + 5.0 * getHeads()) +
         2 * elements(query);
}
