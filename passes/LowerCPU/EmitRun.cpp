// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function of a run: for each of its items it calls its kernels' functions for the items of theirs that these rows are.
#include "passes/LowerCPU/Run.h"
#include "passes/Memory/ArenaPlan.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

namespace {
// A kernel of the run, and the array that its function takes its arguments from.
struct Member {
  Operation *op;
  const CompiledKernel *kernel;
  SmallVector<Value> tensors; // in the order of its pointers
  Value arguments;
};
} // namespace

// The first of a kernel's items that begins at a row, or behind it where `row` is the run's last.
static Value itemAt(Emitter &e, const Member &member, Value row) {
  if (auto attention = dyn_cast<kernel::AttentionOp>(member.op)) { // sequences and heads
    return e.mul(e.div(row, attention.getSpace().getPositions().one), attention.getHeads());
  }
  const Items &items = member.kernel->launches.front().items;
  return e.mul(e.ceilDiv(row, items.divisor), items.pieces);
}

void cpu::emitRun(KernelWriter &writer, const Run &run, ArrayRef<const CompiledKernel *> kernels) {
  int64_t rowsPerItem = run.rows(), slack = 64; // vectors are read over the ends of rows
  SymbolicDim rows = rowsOf(run.space()), behind;
  SmallVector<Member> members;
  for (auto [op, kernel] : llvm::zip(run.ops, kernels)) {
    Member member{op, kernel, SmallVector<Value>(op->getOperands()), {}};
    llvm::append_range(member.tensors, op->getResults());
    members.push_back(member);
    behind = bound(behind, kernel->scratch);
    if (auto gemm = dyn_cast<kernel::GemmOp>(op)) { // and whole tiles of rows
      slack = std::max<int64_t>(slack, gemm.getDepth() * writer.machine.tileRows);
    }
  }
  SmallVector<Value> outside = run.reads();
  llvm::append_range(outside, run.leaves());
  RunScratch inside = placeInScratch(run, rowsPerItem);
  writer.step(run.ops.front()->getLoc(), outside.size(), {rows, rowsPerItem}, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    Type i64 = e.b.getI64Type();
    Value kept = s.allocate(inside.floats + slack), scratch = s.allocate(behind);
    auto pass = [&](const Member &member, size_t place, Value argument) {
      LLVM::StoreOp::create(e.b, argument, e.at(member.arguments, e.index(place), i64));
    };
    for (Member &member : members) {
      size_t count = member.tensors.size();
      Value size = LLVM::ConstantOp::create(e.b, i64, e.b.getI64IntegerAttr(count + 5));
      member.arguments = LLVM::AllocaOp::create(e.b, e.ptr(), i64, size);
      for (auto [place, tensor] : llvm::enumerate(member.tensors)) {
        if (auto *found = llvm::find(outside, tensor); found != outside.end()) {
          pass(member, place, s.pointers[found - outside.begin()]);
        }
      }
      int64_t part = member.kernel->launches.front().part;
      for (Value number : {e.batch, e.slots, e.index(part), e.position, e.patches}) {
        pass(member, count++, e.i64(number));
      }
    }
    e.loop(s.begin, s.end, 1, [&](Value item) {
      Value from = e.mul(item, rowsPerItem), to = e.min(e.add(from, rowsPerItem), e.form(rows));
      for (const Member &member : members) {
        for (auto [place, tensor] : llvm::enumerate(member.tensors)) {
          if (auto found = inside.offsets.find(tensor); found != inside.offsets.end()) { // so that row `from` is its first
            Value first = e.sub(e.index(found->second), e.mul(from, floatsOfRow(tensor)));
            pass(member, place, e.at(kept, first));
          }
        }
        auto function = writer.module.lookupSymbol<func::FuncOp>(member.kernel->launches.front().function);
        Value begin = e.i64(itemAt(e, member, from)), end = e.i64(itemAt(e, member, to));
        func::CallOp::create(e.b, function, ValueRange{member.arguments, begin, end, scratch});
      }
    });
  });
}
