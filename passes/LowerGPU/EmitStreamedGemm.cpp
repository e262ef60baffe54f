// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of few rows: the weight is read once, a warp a column, and what is multiplied with it lies in shared memory.
#include "passes/LowerGPU/Kernels.h"
#include "passes/LowerGPU/NarrowWeight.h"

#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;
using kernel::ceilDiv;

// Rows that a warp multiplies at a time, and columns of a block.
constexpr int64_t mostRows = 8, warps = blockThreads / warpSize, columnsOfBlock = 4 * warps;

// Rows that do not fit into half of the shared memory of any architecture go to memory, by a kernel of their own.
static bool areWide(kernel::GemmOp op) {
  constexpr int64_t widest = 80 << 10;
  return static_cast<int64_t>(op.getDepth()) * 4 > widest;
}

SymbolicDim cuda::streamedGemmTemporary(kernel::GemmOp op) {
  return areWide(op) ? scaled(rowsOf(op.getSpace()), op.getDepth()) : SymbolicDim();
}

void cuda::emitStreamedGemm(KernelWriter &writer, kernel::GemmOp op) {
  SymbolicDim rows = rowsOf(op.getSpace());
  int64_t depth = op.getDepth(), columns = op.getColumns();
  unsigned inputs = op.getInputs().size(), extra = op.getEpilogueInputs().size(), results = inputs + 1 + extra;
  RowProgram prologue = prologueOf(op);
  RowProgram epilogue = epilogueOf(op);
  int64_t stride = ceilDiv(depth, 4) * 4;
  bool isNarrow = narrowWeight(op.getPacked(), writer.precision).has_value();
  bool wide = areWide(op);
  int64_t together = wide ? mostRows : std::clamp<int64_t>(writer.architecture.sharedBytes / 2 / (stride * 4), 1, mostRows);
  unsigned temporary = results + op.getNumResults(), tensors = temporary + wide;
  if (wide) {
    emitRowsInto(writer, op, op.getSpace(), prologue, op.getInputs(), tensors, 0, temporary, Float32Type::get(op.getContext()));
  }
  Grid grid{SymbolicDim::constant(ceilDiv(columns, columnsOfBlock))};
  writer.step(op.getLoc(), tensors, grid, blockThreads, [&](KernelWriter::Step &s) {
    ThreadEmitter &e = s.e;
    ArrayRef<Value> pointers = s.pointers;
    SmallVector<Memory> before = memoriesOf(pointers.take_front(inputs), op.getInputs());
    SmallVector<Memory> after = memoriesOf(pointers.slice(inputs + 1, extra), op.getEpilogueInputs());
    Memory weight = memoryOf(pointers[inputs], op.getPacked());
    weight.isRow = true;
    if (isNarrow) {
      weight.element = e.b.getBF16Type();
    }
    Value a = wide ? s.pointers[temporary] : e.shared(together * stride * 4), c = e.shared(together * columnsOfBlock * 4);
    Memory line{a, {}, e.f32(), true};
    Value rowCount = e.form(rows);
    s.leaveRoomFor(1);
    Value n0 = e.mul(e.blockX, columnsOfBlock), end = e.min(e.add(n0, columnsOfBlock), e.index(columns));
    ResultWriter writeResults(e, op.getResults(), pointers.drop_front(results), {});
    // c[r, n] for `count` rows and the block's columns, a warp a column.
    auto multiply = [&](Value from, int64_t count) {
      // Rows that are not there are multiplied too.
      auto startOf = [&](int64_t r) {
        return wide ? e.mul(e.min(e.add(from, r), e.sub(rowCount, e.index(1))), depth) : e.index(r * stride);
      };
      int64_t lanes = std::gcd(depth, isNarrow ? 8 : Weight(op.getPacked()).factor);
      WithLanes guard(e, lanes);
      e.loop(e.add(n0, e.warp()), end, warps, [&](Value n) {
        SmallVector<Value> zeros(count, e.splat(0.0));
        auto sums = e.loop(e.mul(e.lane(), lanes), e.index(depth), lanes * warpSize, zeros, [&](Value k, ValueRange so) {
          SmallVector<Value> next;
          Value factor = e.loadNumbers(weight, e.add(e.mul(n, depth), k), /*wide=*/true);
          for (int64_t r = 0; r < count; ++r) {
            next.push_back(e.fma(factor, e.loadNumbers(line, e.add(k, startOf(r)), /*wide=*/true), so[r]));
          }
          return next;
        });
        for (int64_t r = 0; r < count; ++r) {
          Value sum = e.acrossThreads(e.sumLanes(sums[r]), warpSize, [&](Value x, Value y) { return e.addf(x, y); });
          Value place = e.at(c, e.add(e.sub(n, n0), r * columnsOfBlock));
          e.when(e.equal(e.lane(), e.index(0)), [&] { e.store(sum, place); });
        }
      });
    };
    if (!wide) {
      e.share(together * stride, [&](Value i) { e.store(e.number(0), e.at(a, i)); });
      e.barrier();
    }
    e.loop(e.index(0), rowCount, together, [&](Value from) {
      if (!wide) {
        emitRowsOfBlock(e, prologue, op.getSpace(), from, together, [&](Value) { return before; },
                        [&](Value row, Value, Value) { return e.mul(e.sub(row, from), stride); }, line);
        e.barrier();
      }
      Value one = e.equal(e.sub(rowCount, from), e.index(1));
      e.when(one, [&] { multiply(from, 1); }, [&] { multiply(from, together); });
      e.barrier();
      auto tensorsOf = [&](Value rowInBlock) {
        SmallVector<Memory> all{{e.at(c, e.sub(e.mul(rowInBlock, columnsOfBlock), n0)), {}, e.f32(), true}};
        llvm::append_range(all, after);
        return all;
      };
      emitRowsOfBlock(e, epilogue, op.getSpace(), from, together, tensorsOf, writeResults, ColumnRange{n0, end});
      e.barrier();
    });
  });
}
