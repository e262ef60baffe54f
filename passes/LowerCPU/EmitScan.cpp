// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forward scan. A work item is one sequence and its channels; the exponentials are what it costs.
#include "passes/LowerCPU/ScanEmitter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

namespace {
// One chunk of one group in scratch: softplus(delta), that times the input, and what becomes the result.
struct Chunk {
  Value d, dx, y;
};
} // namespace

// h . c and the next states, for `count` positions of a chunk.
static void emitStates(ScanEmitter &scan, const Chunk &chunk, Value states, Value group, Value k, Value first,
                       Value count) {
  Emitter &e = scan.e;
  constexpr int64_t sums = 2; // shorter chains of additions
  scan.forStates(scan.lanes(), [&](Value n, int64_t block) {
    Value pointer = e.at(states, scan.stateOffset(group, n));
    auto decays = scan.loadStates(e.at(scan.decay, scan.stateOffset(group, n)), block);
    Value b = scan.at(ScanEmitter::B, k, first, n), c = scan.at(ScanEmitter::C, k, first, n);
    auto last = e.loop(e.index(0), count, 1, scan.loadStates(pointer, block), [&](Value t, ValueRange before) {
      ScanEmitter::Values h(before);
      Value bRow = e.at(b, e.mul(t, scan.stride(ScanEmitter::B))),
            cRow = e.at(c, e.mul(t, scan.stride(ScanEmitter::C)));
      scan.advance(h, decays, e.loadVector(scan.perPosition(chunk.d, t)), e.loadVector(scan.perPosition(chunk.dx, t)),
                   bRow);
      Value y = scan.perPosition(chunk.y, t), partial[sums] = {e.loadVector(y), e.splat(0.0)};
      for (auto [i, state] : llvm::enumerate(h)) {
        partial[i % sums] = e.fma(state, e.splat(e.load(e.at(cRow, e.index(i)))), partial[i % sums]);
      }
      e.store(e.addf(partial[0], partial[1]), y);
      return h;
    });
    scan.storeStates(last, pointer);
  });
}

void cpu::emitScan(KernelWriter &writer, kernel::ScanOp op) {
  ScanShape shape = scanShape(op);
  unsigned operands = op->getNumOperands();
  SymbolicDim sequences = shape.space.getSequences();
  Items items{*sequences.times(SymbolicDim::constant(shape.channelGroups()))};
  writer.step(op.getLoc(), operands + 1, items, [&](KernelWriter::Step &s) {
    Emitter &e = s.e;
    ScanEmitter scan(s, shape, op->getOperands(), op.getOffsets(), s.pointers);
    Value result = s.pointers[operands], states = s.allocate(scan.stateFloats());
    auto piece = [&] { return s.allocate(scanChunk * scan.lanes()); };
    Chunk chunk{piece(), piece(), piece()};
    // Sequences inside, so that a thread prepares a channel group's decays once.
    Value none = e.index(-1), perGroup = e.form(sequences);
    e.loop(s.begin, s.end, 1, none, [&](Value item, ValueRange prepared) {
      Value channelGroup = e.div(item, perGroup), k = e.rem(item, perGroup);
      Value differs = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne, channelGroup, prepared[0]);
      scan.setItem(channelGroup);
      e.when(differs, [&] { scan.prepareDecays(); });
      e.zero(states, e.index(scan.stateFloats()));
      e.loop(e.index(0), scan.positions(), scanChunk, [&](Value first) {
        Value count = e.min(e.index(scanChunk), e.sub(scan.positions(), first));
        scan.forGroups([&](Value group) {
          Value skip = scan.skip();
          e.loop(count, [&](Value n) {
            Value t = e.add(first, n), next = e.add(t, scanChunk);
            scan.prefetch(ScanEmitter::Input, k, next);
            scan.prefetch(ScanEmitter::Delta, k, next);
            if (shape.gated) {
              scan.prefetch(ScanEmitter::Gate, k, next);
            }
            Value x = scan.loadChannels(scan.at(ScanEmitter::Input, k, t, scan.channel));
            Value d = softplus(e, scan.loadChannels(scan.at(ScanEmitter::Delta, k, t, scan.channel)));
            e.store(d, scan.perPosition(chunk.d, n));
            e.store(e.mulf(d, x), scan.perPosition(chunk.dx, n));
            e.store(e.mulf(skip, x), scan.perPosition(chunk.y, n));
          });
          emitStates(scan, chunk, states, group, k, first, count);
          e.loop(count, [&](Value n) {
            Value t = e.add(first, n), y = e.loadVector(scan.perPosition(chunk.y, n));
            if (shape.gated) {
              Value z = scan.loadChannels(scan.at(ScanEmitter::Gate, k, t, scan.channel));
              y = e.mulf(y, e.mulf(z, sigmoid(e, z)));
            }
            scan.storeChannels(y, scan.at(result, shape.channels, k, t, scan.channel));
          });
        });
      });
      return SmallVector<Value>{channelGroup};
    });
  });
}
