// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/Emit/Results.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::emit;

SymbolicDim emit::rowsOf(kernel::SpaceAttr space) { return *space.getSequences().times(space.getPositions()); }

Memory emit::memoryOf(Value pointer, Value tensor) {
  return {pointer, kernel::shapeOf(tensor), cast<RankedTensorType>(tensor.getType()).getElementType()};
}

SmallVector<Memory> emit::memoriesOf(ArrayRef<Value> pointers, ValueRange tensors) {
  SmallVector<Memory> memories;
  for (auto [pointer, tensor] : llvm::zip(pointers, tensors)) {
    memories.push_back(memoryOf(pointer, tensor));
  }
  return memories;
}

void emit::forRows(Emitter &e, kernel::SpaceAttr space, Value from, Value to,
                  const std::function<void(Value, Value, Value)> &body) {
  Value positions = e.form(space.getPositions());
  e.loop(from, to, 1, [&](Value row) { body(row, e.div(row, positions), e.rem(row, positions)); });
}

std::pair<Value, Value> emit::targetOf(Emitter &e, Value ids, const SymbolicDim &positions, Value k, Value t, int64_t offset,
                                      std::optional<uint64_t> ignore) {
  Value length = e.add(e.form(positions), offset);
  Value id = e.load(e.at(ids, e.add(e.mul(k, length), e.add(t, offset)), e.b.getI32Type()), e.b.getI32Type());
  Value index = arith::IndexCastOp::create(e.b, e.b.getIndexType(), id);
  Value counts = ignore ? arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne, index, e.index(*ignore)).getResult()
                        : arith::ConstantOp::create(e.b, e.b.getBoolAttr(true)).getResult();
  return {index, counts};
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

ResultWriter::ResultWriter(Emitter &e, ResultRange values, ArrayRef<Value> pointers, ArrayRef<int64_t> blockSums) : e(e) {
  for (OpResult value : values) {
    auto type = cast<RankedTensorType>(value.getType());
    bool sum = llvm::is_contained(blockSums, value.getResultNumber());
    Memory memory{pointers[value.getResultNumber()], {}, type.getElementType(), true};
    results.push_back({memory, type.getRank() ? type.getShape().back() : 1, sum});
    if (!sum && type.getRank() == 2) {
      perRow.push_back(value.getResultNumber());
    }
  }
  sums.resize(results.size());
}

void ResultWriter::beginBlock(Value block) {
  for (auto [number, result] : llvm::enumerate(results)) {
    if (result.sums) {
      sums[number] = e.at(result.memory.base, e.mul(block, result.columns));
      e.columns(result.columns,
                [&, number = number](Value c, Value mask) { e.store(e.splat(0.0), e.at(sums[number], c), mask); });
    }
  }
}

void ResultWriter::emitRow(RowEmitter &rows, Value row, Value sequence, Value position) {
  auto put = [&](unsigned number, Value value, Value column, Value mask) {
    const Result &result = results[number];
    if (!result.sums) {
      return e.storeNumbers(value, result.memory, e.add(e.mul(row, result.columns), column), mask);
    }
    Memory line{sums[number], {}, e.f32(), true};
    e.storeNumbers(e.addf(e.loadNumbers(line, column, /*wide=*/true), value), line, column, mask);
  };
  rows.emit(sequence, position, put, perRow, [&](unsigned number, Value value) {
    rows.byOneThread([&] { e.storeNumbers(value, results[number].memory, row); });
  });
}
