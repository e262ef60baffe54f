// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formulas of dialects/MBLM/IR/MBLMStructureOps.td.
#include "compiler/Interpreter/Evaluate.h"
#include "runtime/Support/Error.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

using namespace mlir;
using namespace mblm;
using namespace mblm::interpreter;

// Calls `visit(begin of the parameter in the flat buffer, its elements)` for each parameter, in order.
template <typename Visit>
static void forEachParameter(Frame &frame, ArrayAttr names, size_t storeSize, Visit visit) {
  for (auto name : names.getAsRange<FlatSymbolRefAttr>()) {
    auto parameter = frame.symbols.lookup<ParameterOp>(name.getValue());
    int64_t offset = parameter.getOffset(), size = cast<RankedTensorType>(parameter.getType()).getNumElements();
    if (offset + size > static_cast<int64_t>(storeSize)) {
      throw Error(Exit::Internal, llvm::formatv("parameter '@{0}' ends at {1}, beyond the buffer's {2} elements",
                                                name.getValue(), offset + size, storeSize));
    }
    visit(offset, size);
  }
}

static void evaluate(LoadOp op, Frame &frame) {
  const std::vector<double> &store = frame.stores.parameters;
  double *out = frame.result(frame.staticShape(0)).f.data();
  forEachParameter(frame, op.getParameters(), store.size(),
                   [&](int64_t offset, int64_t size) { out = std::copy_n(store.begin() + offset, size, out); });
}

static void evaluate(GradientOp op, Frame &frame) {
  std::vector<double> &store = frame.stores.gradients;
  const double *value = frame.operand(0).f.data();
  forEachParameter(frame, op.getParameters(), store.size(), [&](int64_t offset, int64_t size) {
    for (int64_t n = 0; n < size; ++n) {
      store[offset + n] += *value++;
    }
  });
}

static void evaluate(RegroupOp op, Frame &frame) {
  Tensor value = frame.operand(0);
  int64_t elements = value.elements();
  std::vector<int64_t> shape = frame.staticShape(0);
  int64_t rows = shape.size() == 3 ? elements / shape[2] : elements;
  if (ShapedType::isDynamic(shape[0])) {
    shape[0] = ShapedType::isDynamic(shape[1]) ? frame.sizes.batch : rows / shape[1];
  }
  if (ShapedType::isDynamic(shape[1])) {
    shape[1] = rows / shape[0];
  }
  value.shape = shape;
  if (value.elements() != elements) {
    throw Error(Exit::Internal, llvm::formatv("'mblm.regroup': {0} elements cannot become {1:$[x]}", elements,
                                              llvm::make_range(shape.begin(), shape.end())));
  }
  frame.results.push_back(std::move(value));
}

static void evaluate(StartTokenOp op, Frame &frame) {
  const Tensor &in = frame.operand(0), &start = frame.operand(1);
  int64_t sequences = in.shape[0], positions = in.shape[1], width = in.shape[2];
  Tensor &out = frame.result({sequences, positions + 1, width});
  for (int64_t k = 0; k < sequences; ++k) {
    for (int64_t c = 0; c < width; ++c) {
      out.row(k, 0)[c] = start.f[c];
      for (int64_t t = 0; t < positions; ++t) {
        out.row(k, t + 1)[c] = in.row(k, t)[c];
      }
    }
  }
}

static void evaluate(StartOp op, Frame &frame) {
  const Tensor &start = frame.operand(0);
  int64_t sequences = ShapedType::isDynamic(frame.staticSize(0, 0)) ? frame.sizes.batch : 1;
  Tensor &out = frame.result({sequences, 1, start.shape[0]});
  for (int64_t k = 0; k < sequences; ++k) {
    std::copy(start.f.begin(), start.f.end(), out.row(k, 0));
  }
}

static void evaluate(SliceOp op, Frame &frame) {
  const Tensor &in = frame.operand(0);
  int64_t before = op.getBefore(), after = op.getAfter(), width = in.shape[2];
  Tensor &out = frame.result({in.shape[0], in.shape[1] - before - after, width});
  for (int64_t k = 0; k < out.shape[0]; ++k) {
    for (int64_t t = 0; t < out.shape[1]; ++t) {
      std::copy_n(in.row(k, t + before), width, out.row(k, t));
    }
  }
}

static void evaluate(PadOp op, Frame &frame) {
  const Tensor &in = frame.operand(0);
  int64_t before = op.getBefore(), after = op.getAfter(), width = in.shape[2];
  Tensor &out = frame.result({in.shape[0], in.shape[1] + before + after, width});
  for (int64_t k = 0; k < in.shape[0]; ++k) {
    for (int64_t t = 0; t < in.shape[1]; ++t) {
      std::copy_n(in.row(k, t), width, out.row(k, t + before));
    }
  }
}

// Calls `visit(b, t, n, s)` for each row [b, t] of next_byte's result and the row [n, s] it reads.
template <typename Visit>
static void forEachNextByte(int64_t batch, int64_t positions, int64_t patch, Visit visit) {
  int64_t patches = positions / patch;
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t t = 0; t < positions; ++t) {
      if (t == 0) {
        visit(b, t, b * patches, 0);
      } else {
        visit(b, t, b * patches + (t - 1) / patch, (t - 1) % patch + 1);
      }
    }
  }
}

static void evaluate(NextByteOp op, Frame &frame) {
  const Tensor &in = frame.operand(0);
  int64_t patch = in.shape[1] - 1, width = in.shape[2], bytes = in.shape[0] * patch;
  // [B, m*P]: either size may be static.
  int64_t batch = frame.staticSize(0, 0), positions = frame.staticSize(0, 1);
  if (ShapedType::isDynamic(batch)) {
    batch = ShapedType::isDynamic(positions) ? frame.sizes.batch : bytes / positions;
  }
  Tensor &out = frame.result({batch, bytes / batch, width});
  forEachNextByte(batch, out.shape[1], patch,
                  [&](int64_t b, int64_t t, int64_t n, int64_t s) { std::copy_n(in.row(n, s), width, out.row(b, t)); });
}

static void evaluate(NextByteGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0);
  int64_t patch = frame.staticSize(0, 1) - 1, width = grad.shape[2];
  Tensor &out = frame.result({grad.shape[0] * grad.shape[1] / patch, patch + 1, width});
  forEachNextByte(grad.shape[0], grad.shape[1], patch, [&](int64_t b, int64_t t, int64_t n, int64_t s) {
    std::copy_n(grad.row(b, t), width, out.row(n, s));
  });
}

static void splitPositions(SplitOp op, Frame &frame) {
  const Tensor &in = frame.operand(0);
  int64_t start = 0, width = in.shape[2];
  for (unsigned n = 0; n < op->getNumResults(); ++n) {
    bool last = n + 1 == op->getNumResults();
    Tensor &out = frame.result({in.shape[0], last ? in.shape[1] - start : frame.staticSize(n, 1), width});
    for (int64_t k = 0; k < in.shape[0]; ++k) {
      std::copy_n(in.row(k, start), out.shape[1] * width, out.row(k, 0));
    }
    start += out.shape[1];
  }
}

static void evaluate(SplitOp op, Frame &frame) {
  if (op.getPositions()) {
    return splitPositions(op, frame);
  }
  const Tensor &in = frame.operand(0);
  int64_t start = 0;
  for (unsigned n = 0; n < op->getNumResults(); ++n) {
    int64_t width = frame.staticSize(n, 2);
    Tensor &out = frame.result({in.shape[0], in.shape[1], width});
    for (int64_t k = 0; k < in.shape[0]; ++k) {
      for (int64_t t = 0; t < in.shape[1]; ++t) {
        std::copy_n(in.row(k, t) + start, width, out.row(k, t));
      }
    }
    start += width;
  }
}

static void concatPositions(Frame &frame) {
  int64_t positions = 0, width = frame.operand(0).shape[2], start = 0;
  for (const Tensor *in : frame.operands) {
    positions += in->shape[1];
  }
  Tensor &out = frame.result({frame.operand(0).shape[0], positions, width});
  for (const Tensor *in : frame.operands) {
    for (int64_t k = 0; k < out.shape[0]; ++k) {
      std::copy_n(in->row(k, 0), in->shape[1] * width, out.row(k, start));
    }
    start += in->shape[1];
  }
}

static void evaluate(ConcatOp op, Frame &frame) {
  if (op.getPositions()) {
    return concatPositions(frame);
  }
  const Tensor &first = frame.operand(0);
  Tensor &out = frame.result({first.shape[0], first.shape[1], frame.staticSize(0, 2)});
  int64_t start = 0;
  for (const Tensor *in : frame.operands) {
    for (int64_t k = 0; k < out.shape[0]; ++k) {
      for (int64_t t = 0; t < out.shape[1]; ++t) {
        std::copy_n(in->row(k, t), in->shape[2], out.row(k, t) + start);
      }
    }
    start += in->shape[2];
  }
}

bool mblm::interpreter::evaluateStructure(Frame &frame) {
  return llvm::TypeSwitch<Operation *, bool>(frame.op)
      .Case<LoadOp, GradientOp, RegroupOp, StartTokenOp, StartOp, SliceOp, PadOp, NextByteOp, NextByteGradOp, SplitOp,
            ConcatOp>([&](auto op) {
        evaluate(op, frame);
        return true;
      })
      .Default(false);
}
