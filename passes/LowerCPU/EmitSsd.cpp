// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mamba-2's recurrence: a chunk's positions see each other through a masked block of products, and what came before
// through the state, which goes from chunk to chunk in the thread's scratch.
#include "passes/LowerCPU/SsdEmitter.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;

void cpu::emitSsd(KernelWriter &writer, kernel::SsdOp op) {
  SsdShape shape = ssdShape(op, writer.machine);
  writer.step(op.getLoc(), 8, ssdItems(shape), [&](KernelWriter::Step &s) {
    SsdEmitter a(writer, s, shape, s.pointers);
    Emitter &e = a.e;
    int64_t chunk = shape.chunk, width = shape.width, states = shape.states, stride = a.chunkStride();
    int64_t wideP = a.wide(width), wideN = a.wide(states), stateFloats = a.tall(states) * wideP;
    Value state = s.allocate(shape.headsPerItem() * stateFloats);
    Value b = s.allocate(a.tall(chunk) * wideN), c = s.allocate(a.tall(chunk) * wideN);
    Value bTransposed = s.allocate(wideN * stride), scores = s.allocate(a.tall(chunk) * stride);
    Value mixing = s.allocate(a.tall(chunk) * stride), entry = s.allocate(a.tall(chunk) * wideN);
    Value x = s.allocate(a.tall(chunk) * wideP), y = s.allocate(a.tall(chunk) * wideP);
    SsdEmitter::Steps steps = a.allocateSteps();
    e.zero(mixing, e.index(a.tall(chunk) * stride)); // stays so above the diagonal
    a.forItems([&](const SsdEmitter::Item &item) {
      e.zero(state, e.index(shape.headsPerItem() * stateFloats));
      e.loop(a.chunks(), [&](Value number) {
        SsdEmitter::Chunk now = a.chunkAt(item.sequence, number);
        a.copyGroup(now, 2, item.group, b);
        a.copyGroup(now, 3, item.group, c);
        a.transposeRows(b, wideN, chunk, states, bTransposed, stride);
        a.multiplyToLower({c, wideN}, bTransposed, scores, states);
        e.loop(item.heads, [&](Value n) {
          Value head = e.add(item.firstHead, n), carried = e.at(state, e.mul(n, stateFloats));
          a.computeSteps(now, head, steps);
          a.copyInput(now, head, x);
          // y = exp(s) c S + M x
          a.scaleRows(c, entry, wideN, states, steps.in);
          a.multiply({entry, wideN}, false, {carried, wideP}, {y, wideP}, chunk, states, width, false);
          a.forDecays(steps, [&](Value i, Value j, Value w) {
            Value at = a.placeOf(i, j), step = e.loadVector(e.at(steps.d, j));
            e.store(e.mulf(e.loadVector(e.at(scores, at)), e.mulf(w, step)), e.at(mixing, at));
          });
          a.multiplyLower(mixing, false, {x, wideP}, {y, wideP}, width);
          e.loop(now.count, [&](Value i) {
            Value row = e.add(e.mul(item.sequence, a.positions()), e.add(now.first, i)), at = e.mul(i, wideP);
            Value target = e.at(s.pointers[7], e.add(e.mul(row, shape.heads * width), e.mul(head, width)));
            e.columns(width, [&](Value p, Value mask) {
              Value in = e.loadVector(e.at(x, e.add(at, p))), out = e.loadVector(e.at(y, e.add(at, p)));
              e.store(e.fma(a.skipAt(head, p), in, out), e.at(target, p), mask);
            });
          });
          // S = exp(s[last]) S + b^T (exp(s[last] - s) d x)
          a.scaleAll(carried, carried, states * wideP, a.wholeDecay(steps));
          a.scaleRows(x, x, wideP, width, steps.update);
          a.multiply({b, wideN}, true, {x, wideP}, {carried, wideP}, states, chunk, width, true);
        });
      });
    });
  });
}
