// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs on their own.
#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/NarrowWeight.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::blockRows;

// Shared memory that sums over rows may take without keeping other blocks away.
constexpr int64_t sumBytes = 48 << 10;
// Threads of a multiprocessor that hide each other's waiting; each has 64 registers then.
constexpr int64_t residentThreads = 1024;

template <typename OpT> static RowProgram bodyOf(OpT op) {
  return {op.getBody().front(), static_cast<int64_t>(op.getColumns()), static_cast<int64_t>(op.getSegments()),
          static_cast<int64_t>(op.getWidth())};
}

// Every row for itself.
static void emitSingleRows(KernelWriter &writer, Operation *op, kernel::SpaceAttr space, const RowProgram &program,
                           unsigned tensors, unsigned firstResult, const RowTensors &tensorsOf) {
  int64_t rowsPerBlock = blockThreads / program.shape().group;
  writer.step(op->getLoc(), tensors, {rowsOf(space), rowsPerBlock}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    s.leaveRoomFor(residentThreads / blockThreads);
    ResultWriter results(e, op->getResults(), ArrayRef(s.pointers).drop_front(firstResult), {});
    Value from = e.mul(e.blockX, rowsPerBlock);
    auto tensorsAt = [&](Value inBlock) { return tensorsOf(e, s.pointers, e.add(from, inBlock)); };
    emitRowsOfBlock(e, program, space, from, rowsPerBlock, tensorsAt, results);
  });
}

// Blocks of rows with their sums.
static void emitSummedRows(KernelWriter &writer, Operation *op, kernel::SpaceAttr space, const RowProgram &program,
                           ArrayRef<int64_t> sums, unsigned tensors, unsigned firstResult, const RowTensors &tensorsOf) {
  RowShape shape = program.shape();
  int64_t group = shape.group, threads = blockThreads, columns = program.columns;
  while (threads > warpSize && BlockSums::bytes(sums.size(), columns, threads / group) > sumBytes) {
    threads /= 2;
  }
  // Very wide rows add up where the sums go to: one group then, whose threads have their columns to themselves.
  bool inPlace = threads == group && BlockSums::bytes(sums.size(), columns, 1) > writer.architecture.sharedBytes;
  writer.step(op->getLoc(), tensors, {rowsOf(space), blockRows}, threads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    s.leaveRoomFor(residentThreads / 2 / threads); // sums of several columns are in flight
    ArrayRef<Value> pointers = ArrayRef(s.pointers).drop_front(firstResult);
    ResultWriter results(e, op->getResults(), pointers, sums);
    Value from = e.mul(e.blockX, blockRows);
    auto tensorsAt = [&](Value inBlock) { return tensorsOf(e, s.pointers, e.add(from, inBlock)); };
    auto emit = [&] { emitRowsOfBlock(e, program, space, from, blockRows, tensorsAt, results); };
    if (!inPlace) {
      BlockSums blockSums(e, op->getResults(), sums, pointers, columns, group);
      blockSums.begin(results, {});
      emit();
      return blockSums.finish(e.blockX, e.index(0), e.index(columns));
    }
    WithLanes lanes(e, shape.lanes);
    for (int64_t number : sums) {
      Value line = e.at(pointers[number], e.mul(e.blockX, columns));
      e.loop(e.mul(e.thread, shape.lanes), e.index(columns), shape.lanes * threads,
             [&](Value c) { e.storeNumbers(e.splat(0.0), {line, {}, e.f32(), true}, c); });
      results.setSums(number, line);
    }
    emit();
  });
}

void cuda::emitRowsKernel(KernelWriter &writer, Operation *op, kernel::SpaceAttr space, const RowProgram &program,
                          ArrayRef<int64_t> sums, unsigned tensors, unsigned firstResult, const RowTensors &tensorsOf) {
  if (sums.empty()) {
    emitSingleRows(writer, op, space, program, tensors, firstResult, tensorsOf);
  } else {
    emitSummedRows(writer, op, space, program, sums, tensors, firstResult, tensorsOf);
  }
}

void cuda::emitRowsInto(KernelWriter &writer, Operation *op, kernel::SpaceAttr space, const RowProgram &program,
                        ValueRange inputs, unsigned tensors, unsigned firstInput, unsigned target, Type element) {
  int64_t rowsPerBlock = blockThreads / program.shape().group;
  writer.step(op->getLoc(), tensors, {rowsOf(space), rowsPerBlock}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    s.leaveRoomFor(residentThreads / blockThreads);
    SmallVector<Memory> memories = memoriesOf(ArrayRef(s.pointers).slice(firstInput, inputs.size()), inputs);
    Memory result{s.pointers[target], {}, element, true};
    emitRowsOfBlock(e, program, space, e.mul(e.blockX, rowsPerBlock), rowsPerBlock, [&](Value) { return memories; },
                    [&](Value row, Value, Value) { return e.mul(row, program.columns); }, result);
  });
}

bool cuda::readsPlainRows(const RowProgram &program, ValueRange inputs, kernel::SpaceAttr space) {
  if (inputs.empty() || !RowEmitter::isIdentity(program.body, program.columns)) {
    return false;
  }
  SymbolicShape source = kernel::shapeOf(inputs[0]);
  return source[0] == space.getSequences() && source[1] == space.getPositions();
}

void cuda::emitRows(KernelWriter &writer, kernel::RowsOp op) {
  unsigned inputs = op.getInputs().size();
  emitRowsKernel(writer, op, op.getSpace(), bodyOf(op), op.getBlockSums(), inputs + op.getNumResults(), inputs,
                 [&](ThreadEmitter &, ArrayRef<Value> pointers, Value) {
                   return memoriesOf(pointers.take_front(inputs), op.getInputs());
                 });
}

void cuda::emitPackRows(KernelWriter &writer, kernel::PackRowsOp op) {
  unsigned inputs = op.getInputs().size();
  Type element = cast<RankedTensorType>(op.getType()).getElementType();
  emitRowsInto(writer, op, op.getSpace(), bodyOf(op), op.getInputs(), inputs + 1, 0, inputs, element);
}

void cuda::emitRemember(KernelWriter &writer, kernel::RememberOp op) {
  SymbolicShape state = kernel::shapeOf(op.getState());
  int64_t positions = op.getSpace().getPositions().one;
  unsigned inputs = op.getInputs().size();
  RowProgram program = bodyOf(op);
  int64_t rowsPerBlock = blockThreads / program.shape().group;
  writer.step(op.getLoc(), inputs + 1, {rowsOf(op.getSpace()), rowsPerBlock}, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    SmallVector<Memory> tensors = memoriesOf(ArrayRef(s.pointers).take_front(inputs), op.getInputs());
    Value ring = e.form(state[1]);
    Memory result = memoryOf(s.pointers[inputs], op.getState());
    result.isRow = true;
    emitRowsOfBlock(
        e, program, op.getSpace(), e.mul(e.blockX, rowsPerBlock), rowsPerBlock, [&](Value) { return tensors; },
        [&](Value, Value k, Value t) {
          Value position = op.getOrigin() ? e.add(e.add(t, e.position), *op.getOrigin()) : t;
          return e.mul(e.add(e.mul(k, ring), e.rem(position, ring)), program.columns);
        },
        result,
        // Earlier rows would go where later ones do.
        [&](Value t) { return positions == 1 ? Value() : e.less(e.index(positions - 1), e.add(t, ring)); });
  });
}

void cuda::emitTranspose(KernelWriter &writer, kernel::TransposeOp op) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  int64_t rows = weight.getDimSize(0), columns = weight.getDimSize(1);
  Grid grid{SymbolicDim::constant(rows * columns), blockThreads};
  writer.step(op.getLoc(), 2, grid, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    Value i = e.add(e.mul(e.blockX, blockThreads), e.thread);
    e.when(e.less(i, e.index(rows * columns)), [&] {
      Value from = e.add(e.mul(e.rem(i, e.index(rows)), columns), e.div(i, rows));
      e.store(e.load(e.at(s.pointers[0], from)), e.at(s.pointers[1], i));
    });
  });
}

void cuda::emitPack(KernelWriter &writer, kernel::PackOp op) {
  int64_t elements = cast<RankedTensorType>(op.getWeight().getType()).getNumElements();
  emitNarrow(writer, op.getLoc(), elements, Weight(op.getWeight()).factor);
}
