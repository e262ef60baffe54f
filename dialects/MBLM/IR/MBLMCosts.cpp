// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floating point operations of each op, for concrete shapes. A multiply-add counts two; a root, an exponential or an
// error function counts one, as does a comparison of floats. Sines of rotations come from tables and count nothing.
#include "dialects/MBLM/IR/MBLMCosts.h"

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
NO_FLOPS(GetStateOp)
NO_FLOPS(ReadOp)
NO_FLOPS(WriteOp)
NO_FLOPS(RecallOp)
NO_FLOPS(EmbedOp)
NO_FLOPS(LeadOp)
NO_FLOPS(NgramRowsOp)
NO_FLOPS(VisibleBytesOp)
NO_FLOPS(VisiblePatchesOp)
NO_FLOPS(PatchBytesOp)
NO_FLOPS(BytePatchesOp)
NO_FLOPS(TokenShiftOp)
NO_FLOPS(HiddenKeysOp)
#undef NO_FLOPS

static int activationFlops(ActivationKind kind) {
  switch (kind) {
  case ActivationKind::Gelu:
    return 5;
  case ActivationKind::GeluTanh:
    return 9;
  case ActivationKind::Silu:
    return 4; // negation, exponential, sum, quotient
  }
  llvm_unreachable("every activation has its count");
}

static int activationSlopeFlops(ActivationKind kind) {
  switch (kind) {
  case ActivationKind::Gelu:
    return 11;
  case ActivationKind::GeluTanh:
    return 17;
  case ActivationKind::Silu:
    return 9;
  }
  llvm_unreachable("every activation has its count");
}

// A multiply-add a tap.
static double convolutionFlops(Type weight, bool bias) {
  return 2 * static_cast<double>(cast<RankedTensorType>(weight).getDimSize(1)) + (bias ? 1 : 0);
}

// Ops with the same work for each element of one operand.
#define FLOPS_PER_ELEMENT(OP, OPERAND, COUNT)                                                                          \
  double OP::getFlops(Shapes operands, Shapes) { return (COUNT)*elements(operands[OPERAND]); }
FLOPS_PER_ELEMENT(EmbedGradOp, 1, 1)                                                // a sum
FLOPS_PER_ELEMENT(EmbedBagGradOp, 1, getBag())                                      // sums
FLOPS_PER_ELEMENT(PoolOp, 0, 1)                                                     // a comparison or a sum
FLOPS_PER_ELEMENT(PoolGradOp, 1, 2)                                                 // a comparison, a quotient
FLOPS_PER_ELEMENT(EntropyOp, 0, 6)                                                  // maximum, difference, exp, sums, product
FLOPS_PER_ELEMENT(PositionOp, 0, 1)                                                 // a sum
FLOPS_PER_ELEMENT(AddOp, 0, 1)                                                      // a sum
FLOPS_PER_ELEMENT(MultiplyOp, 0, 1)                                                 // a product
FLOPS_PER_ELEMENT(NormOp, 0, getKind() == NormKind::Layer ? 7 : 4)                  // squares, scale, gain
FLOPS_PER_ELEMENT(NormGradOp, 1, getKind() == NormKind::Layer ? 16 : 11)            // row again, three sums, gains
FLOPS_PER_ELEMENT(ActivationOp, 0, activationFlops(getKind()))                      // as written in the formula
FLOPS_PER_ELEMENT(ActivationGradOp, 1, activationSlopeFlops(getKind()))             // value, slope, product
FLOPS_PER_ELEMENT(CausalConvOp, 0, convolutionFlops(getWeight().getType(), getBias() != nullptr))
FLOPS_PER_ELEMENT(CausalConvWeightGradOp, 0, convolutionFlops(getType(), false))
FLOPS_PER_ELEMENT(DropoutOp, 0, 1)                                                  // product; integers count nothing
FLOPS_PER_ELEMENT(CrossEntropyOp, 0, 4)                                             // maximum, difference, exp, sum
FLOPS_PER_ELEMENT(CrossEntropyGradOp, 1, 3)                                         // difference, exp, product
FLOPS_PER_ELEMENT(MeanLossOp, 0, 3)                                                 // weight, sum, count
FLOPS_PER_ELEMENT(MeanLossGradOp, 2, 2)                                             // product, quotient
#undef FLOPS_PER_ELEMENT

// Six for a pair.
double RopeOp::getFlops(Shapes operands, Shapes) {
  double width = static_cast<double>(operands[0][2]) / static_cast<double>(getHeads());
  return 3 * elements(operands[0]) * (getRotated() ? static_cast<double>(getRotated()) / width : 1);
}

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

double mblm::visiblePairs(MaskKind mask, std::optional<uint64_t> block, double length) {
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

// Per pair and head: the score and the weighted value, of width d, and scaling, maximum, exponential and sum; a product
// where some are dropped.
double AttentionOp::getFlops(Shapes operands, Shapes) {
  const SmallVector<int64_t> &query = operands[0];
  double pairs = visiblePairs(getMask(), getBlock(), static_cast<double>(query[1]));
  double scalars = (getDropoutKey() ? 5.0 : 4.0) * getHeads();
  return static_cast<double>(query[0]) * pairs * (4.0 * static_cast<double>(query[2]) + scalars);
}

// Per pair and head: the score again and four products of width d, and five operations on scalars, two more where some
// are dropped. D is a row product.
double AttentionGradOp::getFlops(Shapes operands, Shapes) {
  const SmallVector<int64_t> &query = operands[1];
  double pairs = visiblePairs(getMask(), getBlock(), static_cast<double>(query[1]));
  double scalars = (getDropoutKey() ? 7.0 : 5.0) * getHeads();
  return static_cast<double>(query[0]) * pairs * (10.0 * static_cast<double>(query[2]) + scalars) + 2 * elements(query);
}

double EmbedBagOp::getFlops(Shapes, Shapes results) { return (static_cast<double>(getBag()) - 1) * elements(results[0]); }

double SpreadOp::getFlops(Shapes, Shapes results) { return getMean() ? elements(results[0]) : 0; }

double mblm::rangedPairs(double queries, double keys, bool last) {
  double skipped = keys - queries;
  return last || skipped == 0 ? (keys * (keys + 1) - skipped * (skipped + 1)) / 2 : std::max(queries, keys);
}

static double pairsOf(Value ranges, const SmallVector<int64_t> &query, const SmallVector<int64_t> &key) {
  bool last = ranges.getDefiningOp<VisibleBytesOp>() != nullptr;
  return static_cast<double>(query[0]) * rangedPairs(static_cast<double>(query[1]), static_cast<double>(key[1]), last);
}

double RangedAttentionOp::getFlops(Shapes operands, Shapes) {
  return pairsOf(getRanges(), operands[0], operands[1]) * (4.0 * static_cast<double>(operands[0][2]) + 4.0 * getHeads());
}

double RangedAttentionGradOp::getFlops(Shapes operands, Shapes) {
  return pairsOf(getRanges(), operands[1], operands[2]) * (10.0 * static_cast<double>(operands[1][2]) + 5.0 * getHeads()) +
         2 * elements(operands[1]);
}

// As mblm.attention, with as many keys for each query as the states can hold.
double CachedAttentionOp::getFlops(Shapes operands, Shapes) {
  const SmallVector<int64_t> &query = operands[0];
  double keys = static_cast<double>(getBlock() ? std::min<int64_t>(*getBlock(), operands[1][1]) : operands[1][1]);
  double pairs = static_cast<double>(query[0]) * static_cast<double>(query[1]) * keys;
  return pairs * (4.0 * static_cast<double>(query[2]) + 4.0 * getHeads());
}

// Per state and position: the decay's product and exponential, the update, the contraction. Per feature: the softplus, the
// input's step, the skip, the gate.
double SelectiveScanOp::getFlops(Shapes operands, Shapes) {
  double states = static_cast<double>(operands[2][1]);
  return elements(operands[0]) * (6 * states + (getGate() ? 12 : 7));
}

// The states again, then per state: the adjoint's update and its five products.
double SelectiveScanGradOp::getFlops(Shapes operands, Shapes) {
  double states = static_cast<double>(operands[3][1]);
  return elements(operands[1]) * (18 * states + (getGate() ? 25 : 14));
}

// Chunks of Q positions: scores within a chunk (Q/2 visible positions each, of widths N and P), states in and out.
static double ssdFlops(const SmallVector<int64_t> &input, double states, double heads, double chunk) {
  double positions = static_cast<double>(input[0]) * static_cast<double>(input[1]), width = static_cast<double>(input[2]);
  double length = std::min(chunk, static_cast<double>(input[1]));
  return positions * (length * (heads * states + width) + 4 * width * states + 8 * heads);
}

double SsdOp::getFlops(Shapes operands, Shapes) {
  double states = static_cast<double>(operands[3][2]) / static_cast<double>(getGroups());
  return ssdFlops(operands[0], states, static_cast<double>(operands[1][2]), static_cast<double>(getChunk()));
}

// The forward's products again and two for each of them.
double SsdGradOp::getFlops(Shapes operands, Shapes) {
  double states = static_cast<double>(operands[4][2]) / static_cast<double>(getGroups());
  return 3 * ssdFlops(operands[1], states, static_cast<double>(operands[2][2]), static_cast<double>(getChunk()));
}

double SelectiveScanStepOp::getFlops(Shapes operands, Shapes) {
  return elements(operands[1]) * (6 * static_cast<double>(operands[3][1]) + (getGate() ? 12 : 7));
}

// Per state: the decayed sum, the update, the contraction. Per feature: the skip; per head: step and decay.
double SsdStepOp::getFlops(Shapes operands, Shapes) {
  double states = static_cast<double>(operands[0][1]);
  return elements(operands[1]) * (5 * states + 2) + 8 * elements(operands[2]);
}
