// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/RowGroups.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

RowShape cuda::rowShape(int64_t columns, int64_t segments, int64_t width) {
  int64_t lanes = std::gcd<int64_t>(4, std::gcd(columns, segments > 1 ? width : columns));
  int64_t group = llvm::PowerOf2Ceil(kernel::ceilDiv(columns, lanes));
  return {lanes, std::min(group, warpSize)};
}

bool RowProgram::looksAcrossColumns() const {
  return llvm::any_of(body, [](Operation &op) { return isa<kernel::RowSumOp, kernel::RowMaxOp>(op); });
}

void cuda::forRowsOfBlock(ThreadEmitter &e, kernel::SpaceAttr space, Value from, int64_t most, int64_t group,
                          const std::function<void(Value, Value, Value)> &body) {
  Value positions = e.form(space.getPositions());
  int64_t groups = e.threads / group;
  Value first = e.div(e.thread, group), end = e.min(e.add(from, most), e.form(rowsOf(space)));
  auto work = [&](Value row) { body(row, e.div(row, positions), e.rem(row, positions)); };
  if (most <= groups) {
    Value row = e.add(from, first);
    return e.when(e.less(row, end), [&] { work(row); });
  }
  e.loop(e.add(from, first), end, groups, work);
}

void cuda::emitRowsOfBlock(ThreadEmitter &e, const RowProgram &program, kernel::SpaceAttr space, Value from, int64_t most,
                           const RowTensorsInBlock &tensors, ResultWriter &results,
                           std::optional<ColumnRange> range) {
  RowShape shape = program.shape();
  WithLanes lanes(e, shape.lanes);
  forRowsOfBlock(e, space, from, most, shape.group, [&](Value row, Value k, Value t) {
    RowEmitter rows(e, program.body, program.columns, program.segments, program.width, tensors(e.sub(row, from)));
    rows.setThreads(e.rem(e.thread, e.index(shape.group)), shape.group);
    if (range) {
      rows.setRange(range->begin, range->end);
    }
    results.emitRow(rows, row, k, t);
  });
}

void cuda::emitRowsOfBlock(ThreadEmitter &e, const RowProgram &program, kernel::SpaceAttr space, Value from, int64_t most,
                           const RowTensorsInBlock &tensors,
                           const std::function<Value(Value, Value, Value)> &offset, const Memory &result,
                           const std::function<Value(Value)> &wanted, std::optional<ColumnRange> range) {
  RowShape shape = program.shape();
  WithLanes lanes(e, shape.lanes);
  forRowsOfBlock(e, space, from, most, shape.group, [&](Value row, Value k, Value t) {
    RowEmitter rows(e, program.body, program.columns, program.segments, program.width, tensors(e.sub(row, from)));
    rows.setThreads(e.rem(e.thread, e.index(shape.group)), shape.group);
    if (range) {
      rows.setRange(range->begin, range->end);
    }
    auto emit = [&] {
      Value target = offset(row, k, t);
      rows.emit(k, t, [&](unsigned, Value value, Value column, Value) {
        e.storeNumbers(value, result, e.add(target, column));
      });
    };
    Value condition = wanted ? wanted(t) : Value();
    condition ? e.when(condition, emit) : emit();
  });
}

BlockSums::BlockSums(ThreadEmitter &e, ResultRange results, ArrayRef<int64_t> listed, ArrayRef<Value> pointers, int64_t columns,
                     int64_t group)
    : e(e), columns(columns), group(group) {
  for (int64_t number : listed) {
    auto type = cast<RankedTensorType>(results[number].getType());
    Value shared = e.shared(bytes(1, columns, e.threads / group));
    sums.push_back({static_cast<unsigned>(number), shared, pointers[number], type.getShape().back()});
  }
}

void BlockSums::begin(ResultWriter &writer, Value begin) {
  int64_t floats = columns * (e.threads / group);
  for (const Sum &sum : sums) {
    e.share(floats, [&](Value i) { e.store(e.number(0), e.at(sum.shared, i)); });
    Value line = e.mul(e.div(e.thread, group), columns);
    writer.setSums(sum.number, e.at(sum.shared, begin ? e.sub(line, begin) : line));
  }
  if (!sums.empty()) {
    e.barrier();
  }
}

void BlockSums::finish(Value block, Value begin, Value end) {
  if (sums.empty()) {
    return;
  }
  e.barrier();
  for (const Sum &sum : sums) {
    e.share(e.min(e.index(columns), e.sub(end, begin)), [&](Value c) {
      Value total = e.number(0);
      for (int64_t g = 0; g < e.threads / group; ++g) { // in order
        total = e.addf(total, e.load(e.at(sum.shared, e.add(c, g * columns))));
      }
      e.store(total, e.at(sum.result, e.add(e.mul(block, sum.width), e.add(begin, c))));
    });
  }
  e.barrier();
}
