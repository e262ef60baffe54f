// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/HeadRows.h"
#include "passes/LowerGPU/TileProduct.h"

#include <numeric>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

HeadRows cuda::headRows(KernelWriter::Step &s, const AttentionShape &shape, const HeadTensor &tensor, Value sequence,
                        Value head) {
  ThreadEmitter &e = s.e;
  Value positions = e.form(shape.space.getPositions());
  if (tensor.packed) {
    Value pair = e.add(e.mul(sequence, shape.heads), head);
    Value first = e.add(e.form(tensor.begin), e.mul(e.mul(pair, positions), shape.width));
    return {s.pointers[tensor.pointer], tensor.element, first, shape.width};
  }
  Value first = e.add(e.mul(e.mul(sequence, positions), tensor.stride), e.add(e.mul(head, shape.width), tensor.offset));
  return {s.pointers[tensor.pointer], tensor.element, first, tensor.stride};
}

static void copyPlain(ThreadEmitter &e, const LineCopy &copy, Value line, Value c) {
  Value numbers = e.loadNumbers(copy.from.memory, e.add(copy.from.offset(line), c), /*wide=*/true);
  e.storeNumbers(numbers, copy.to.memory, e.add(copy.to.offset(line), c));
}

static void copyRotated(ThreadEmitter &e, const LineCopy &copy, Value line, Value c) {
  int64_t half = copy.width / 2;
  Value from = e.add(copy.from.offset(line), c), to = e.add(copy.to.offset(line), c);
  Value angle = e.add(e.mul(copy.position(line), copy.width), c);
  Memory table{copy.table, {}, e.f32(), true};
  Value x = e.loadNumbers(copy.from.memory, from, true), y = e.loadNumbers(copy.from.memory, e.add(from, half), true);
  Value cosine = e.loadNumbers(table, angle, true), sine = e.loadNumbers(table, e.add(angle, half), true);
  Value xs = e.mulf(x, sine), ys = e.mulf(y, sine), xc = e.mulf(x, cosine), yc = e.mulf(y, cosine);
  e.storeNumbers(copy.inverse ? e.addf(xc, ys) : e.subf(xc, ys), copy.to.memory, to);
  e.storeNumbers(copy.inverse ? e.subf(yc, xs) : e.addf(yc, xs), copy.to.memory, e.add(to, half));
}

void cuda::copyLines(ThreadEmitter &e, const LineCopy &copy) {
  int64_t columns = copy.table ? copy.width / 2 : copy.width, lanes = std::gcd<int64_t>(4, columns),
          pieces = columns / lanes;
  WithLanes withLanes(e, lanes);
  e.share(copy.lines * pieces, [&](Value number) {
    Value line = e.div(number, pieces), c = e.mul(e.rem(number, e.index(pieces)), lanes);
    auto work = [&] { copy.table ? copyRotated(e, copy, line, c) : copyPlain(e, copy, line, c); };
    copy.active ? e.when(copy.active(line), work) : work();
  });
}

void cuda::fetchRows(ThreadEmitter &e, const HeadRows &rows, Value from, Value end, Value target, const Fetch &fetch) {
  int64_t size = rows.element.getIntOrFloatBitWidth() / 8;
  int64_t piece = std::gcd(std::gcd(fetch.width, e.knownFactor(rows.offset(e, e.index(1)))), 16 / size);
  int64_t pieces = fetch.depth / piece;
  e.share(fetch.lines * pieces, [&](Value number) {
    Value line = e.div(number, pieces), c = e.mul(e.rem(number, e.index(pieces)), piece), t = e.add(from, line);
    Value inside = e.less(t, end);
    if (fetch.depth > fetch.width) {
      inside = arith::AndIOp::create(e.b, inside, e.less(c, e.index(fetch.width)));
    }
    Value source = e.select(inside, e.add(rows.offset(e, t), c), rows.first);
    copyPiece(e, e.at(rows.base, source, rows.element), rows.element,
              e.at(target, e.add(e.mul(line, fetch.stride), c), rows.element), rows.element, piece, inside);
  });
}
