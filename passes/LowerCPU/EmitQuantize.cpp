// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies of weights in int8: work items are some rows, each read twice, the second time from the cache.
#include "passes/LowerCPU/Kernels.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

constexpr int64_t itemFloats = 16384;
constexpr double largest = 127;

// The numbers of a vector whose scale is `scale`, as i8. Minima take the number where one is not a number, so that no lane is left
// without an integer.
static Value quantized(Emitter &e, Value values, Value scale) {
  Value ratio = math::RoundEvenOp::create(e.b, e.divf(values, scale));
  ratio = arith::MaxNumFOp::create(e.b, arith::MinNumFOp::create(e.b, ratio, e.splat(largest)), e.splat(-largest));
  Value none = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OEQ, scale, e.splat(0.0));
  Value words = arith::FPToSIOp::create(e.b, VectorType::get({e.machine.lanes}, e.b.getI32Type()),
                                        e.select(none, e.splat(0.0), ratio));
  return arith::TruncIOp::create(e.b, VectorType::get({e.machine.lanes}, e.b.getI8Type()), words);
}

void cpu::emitQuantize(KernelWriter &writer, kernel::QuantizeOp op) {
  auto type = cast<RankedTensorType>(op.getWeight().getType());
  int64_t rows = type.getDimSize(0), depth = type.getDimSize(1), piece = std::max<int64_t>(itemFloats / depth, 1);
  writer.step(op.getLoc(), 3, {SymbolicDim::constant(kernel::ceilDiv(rows, piece))}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    int64_t full = depth / e.machine.lanes * e.machine.lanes;
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value from = e.mul(item, piece), to = e.min(e.add(from, piece), e.index(rows));
      e.loop(from, to, 1, [&](Value row) {
        Value weight = e.at(s.pointers[0], e.mul(row, depth)), numbers = e.at(s.pointers[1], e.mul(row, depth), e.b.getI8Type());
        auto load = [&](Value column, Value mask) {
          Value values = e.loadVector(e.at(weight, column));
          return mask ? e.select(mask, values, e.splat(0.0)) : values;
        };
        auto larger = [&](Value column, Value most, Value mask) -> Value {
          return arith::MaximumFOp::create(e.b, most, math::AbsFOp::create(e.b, load(column, mask)));
        };
        Value most = e.loop(e.index(0), e.index(full), e.machine.lanes, e.splat(0.0), [&](Value column, ValueRange so) {
          return SmallVector<Value>{larger(column, so[0], {})};
        })[0];
        if (full < depth) {
          most = larger(e.index(full), most, e.mask(e.index(depth - full)));
        }
        Value scale = e.divf(e.maxLanes(most), e.number(largest)), wide = e.splat(scale);
        e.store(scale, e.at(s.pointers[2], row));
        e.columns(depth, [&](Value column, Value mask) {
          Value made = quantized(e, load(column, mask), wide), target = e.at(numbers, column, e.b.getI8Type());
          if (mask) {
            LLVM::MaskedStoreOp::create(e.b, made, target, mask, 1);
          } else {
            LLVM::StoreOp::create(e.b, made, target, 1);
          }
        });
      });
    });
  });
}
