// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of Mamba-2's recurrence, by the constraints' numbers in KernelSsdOps.td.
#include "dialects/Kernel/IR/KernelVerify.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

// Constraints that the recurrence and its gradient share; `name` is that of the [K, T, heads * head_dim] value.
template <typename OpT>
static LogicalResult verifySsd(OpT op, Value result, StringRef name) {
  int64_t heads = op.getHeads(), width = op.getHeadDim(), groups = op.getGroups(), states = op.getStates();
  // ssd_c2
  if (failed(expectAtLeast(op, "heads", heads, 1)) || failed(expectAtLeast(op, "head_dim", width, 1)) ||
      failed(expectAtLeast(op, "groups", groups, 1)) || failed(expectAtLeast(op, "states", states, 1)) ||
      failed(expectAtLeast(op, "chunk", op.getChunk(), 1))) {
    return failure();
  }
  if (heads % groups) {
    return op.emitOpError("expects 'groups' to divide 'heads' (")
           << heads << "), but got " << groups << " (remainder " << heads % groups << ")";
  }
  // ssd_c1
  if (op.getOffsets().size() != 4) {
    return op.emitOpError("expects four offsets, but got ") << op.getOffsets().size();
  }
  struct Source {
    StringRef name;
    Value value;
    int64_t features;
  };
  const Source sources[] = {{"input", op.getInput(), heads * width},
                            {"dt", op.getDt(), heads},
                            {"b", op.getB(), groups * states},
                            {"c", op.getC(), groups * states}};
  for (auto [source, offset] : llvm::zip(sources, op.getOffsets())) {
    if (failed(expectOver(op, source.value, source.name, op.getSpace(), ExpectedSize{ShapedType::kDynamic, ""}))) {
      return failure();
    }
    int64_t features = tensorOf(source.value).getShape().back();
    if (offset < 0 || offset + source.features > features) {
      return op.emitOpError("expects ") << source.features << " features of '" << source.name << "' at its offset, but got "
                                        << features << " features and offset " << offset;
    }
  }
  // ssd_c3
  if (failed(expectStaticShape(op, op.getDtBias(), "dt_bias", {heads})) ||
      failed(expectStaticShape(op, op.getALog(), "a_log", {heads})) ||
      failed(expectRank(op, op.getSkip(), "skip", 1))) {
    return failure();
  }
  int64_t skip = tensorOf(op.getSkip()).getDimSize(0);
  if (skip != heads && skip != heads * width) {
    return op.emitOpError("expects 'skip' to have a number for each head (")
           << heads << ") or feature (" << heads * width << "), but got " << skip;
  }
  // ssd_c4
  if (failed(expectOver(op, result, name, op.getSpace(), ExpectedSize{heads * width, "heads * head_dim"}))) {
    return failure();
  }
  // ssd_c5
  double least = op.getDtMin().convertToDouble(), most = op.getDtMax().convertToDouble();
  if (!(least >= 0 && least <= most)) {
    return op.emitOpError("expects 0 <= 'dt_min' <= 'dt_max', but got ") << least << " and " << most;
  }
  return success();
}

LogicalResult kernel::SsdOp::verify() { return verifySsd(*this, getResult(), "result"); }

LogicalResult kernel::SsdGradOp::verify() {
  // ssd_grad_c1 to ssd_grad_c5
  int64_t heads = getHeads(), width = getHeadDim();
  if (failed(verifySsd(*this, getInputGrad(), "input_grad")) ||
      failed(expectOver(*this, getGrad(), "grad", getSpace(), ExpectedSize{heads * width, "heads * head_dim"}))) {
    return failure();
  }
  // ssd_grad_c6
  ExpectedSize parts{static_cast<int64_t>(getGroups() * getStates()) * ssdParts(heads, getGroups()), "groups * parts * states"};
  if (failed(expectOver(*this, getDtGrad(), "dt_grad", getSpace(), ExpectedSize{heads, "'heads'"})) ||
      failed(expectOver(*this, getBGrad(), "b_grad", getSpace(), parts)) ||
      failed(expectOver(*this, getCGrad(), "c_grad", getSpace(), parts))) {
    return failure();
  }
  // ssd_grad_c7
  SpaceAttr rows = SpaceAttr::get(getContext(), getSpace().getSequences(), SymbolicDim::constant(1));
  ExpectedSize skip{tensorOf(getSkip()).getDimSize(0), "the size of 'skip'"};
  return success(
      succeeded(expectOver(*this, getALogSums(), "a_log_sums", rows, ExpectedSize{heads, "'heads'"})) &&
      succeeded(expectOver(*this, getDtBiasSums(), "dt_bias_sums", rows, ExpectedSize{heads, "'heads'"})) &&
      succeeded(expectOver(*this, getSkipSums(), "skip_sums", rows, skip)));
}
