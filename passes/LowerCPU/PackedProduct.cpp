// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/PackedProduct.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using kernel::ceilDiv;
using kernel::panelWidth;

// Rows lie a few lines apart from a power of two, so that they do not share cache sets.
static int64_t strideOf(int64_t depth, bool narrow) { return narrow ? kernel::narrowDepth(depth) + 32 : ceilDiv(depth, 16) * 16 + 16; }

FactorRows::FactorRows(KernelWriter::Step &s, int64_t rows, int64_t depth, bool narrow) : stride(strideOf(depth, narrow)), narrow(narrow) {
  pointer = narrow ? s.allocateNarrow(rows * stride) : s.allocate(rows * stride);
  if (narrow && kernel::narrowDepth(depth) != depth) { // the padding stays zero
    zeroNarrow(s.e, pointer, s.e.index(0), s.e.index(rows * stride));
  }
}

void FactorRows::fill(Emitter &e, RowEmitter &program, kernel::SpaceAttr space, Value from, Value to) const {
  forRows(e, space, from, to, [&](Value row, Value k, Value t) {
    Value line = e.mul(e.sub(row, from), stride);
    program.emit(k, t, [&](unsigned, Value value, Value column, Value mask) {
      Value index = e.add(line, column);
      narrow ? storeNarrow(e, value, pointer, index, mask) : e.store(value, e.at(pointer, index), mask);
    });
  });
}

PackedWeight PackedWeight::from(Emitter &e, Value column) const {
  return {e.at(pointer, e.mul(column, packedDepth()), factorType(e, narrow)), depth, narrow};
}

void cpu::multiplyByPacked(KernelWriter &writer, Emitter &e, const PackedWeight &weight, int64_t depthPerPass, BlockProduct product) {
  int64_t depth = weight.packedDepth(), step = depthPerPass ? std::min(depthPerPass, depth) : depth;
  Type factor = factorType(e, weight.narrow);
  product.narrow = weight.narrow;
  int64_t pitch = panelWidth; // of a row, as far as a pass's offset goes
  if (weight.narrow) {
    product.panelStride = e.index(depth * panelWidth);
    product.ldb = e.index(panelPitch(true));
  } else {
    PanelLayout layout = writer.panelOf(depth);
    layout.describe(e, product);
    pitch = layout.pitch();
  }
  Value rows = product.a;
  e.loop(e.index(0), e.index(depth), step, [&](Value pass) {
    product.a = e.at(rows, pass, factor);
    product.b = e.at(weight.pointer, e.mul(pass, pitch), factor);
    product.depth = e.min(e.index(step), e.sub(e.index(depth), pass));
    product.accumulate = step == depth ? arith::ConstantOp::create(e.b, e.b.getBoolAttr(false)).getResult() : e.less(e.index(0), pass);
    writer.product(e, product);
  });
}
