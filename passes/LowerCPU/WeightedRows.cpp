// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerCPU/WeightedRows.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cpu;
using namespace mblm::emit;

// Columns [from, to) of all queries, in registers.
static void sumColumns(Emitter &e, const WeightedRows &p, int64_t from, int64_t to) {
  int64_t lanes = e.machine.lanes, vectors = kernel::ceilDiv(to - from, lanes), queries = p.factors.size();
  SmallVector<Value> zeros(vectors * queries, e.splat(0.0));
  auto sums = e.loop(e.index(0), p.count, 1, zeros, [&](Value j, ValueRange partial) {
    SmallVector<Value> next, values;
    Value row = e.at(p.rows, e.mul(j, p.rowStride));
    for (int64_t v = 0; v < vectors; ++v) {
      values.push_back(e.loadVector(e.at(row, e.index(from + v * lanes))));
    }
    for (int64_t i = 0; i < queries; ++i) {
      Value weight = e.splat(e.load(e.at(p.weights, e.add(e.mul(e.index(i), p.weightStride), j))));
      for (int64_t v = 0; v < vectors; ++v) {
        next.push_back(e.fma(weight, values[v], partial[i * vectors + v]));
      }
    }
    return next;
  });
  for (int64_t i = 0; i < queries; ++i) {
    for (int64_t v = 0; v < vectors; ++v) {
      int64_t at = from + v * lanes;
      Value mask = at + lanes > p.width ? e.mask(e.index(p.width - at)) : Value();
      e.store(e.mulf(sums[i * vectors + v], e.splat(p.factors[i])), e.at(p.target, e.index(i * p.targetStride + at)), mask);
    }
  }
}

void cpu::sumWeightedRows(Emitter &e, const WeightedRows &p) {
  // Sums, a vector of each row and a weight must fit the registers, as the tile of products does.
  int64_t registers = e.machine.tileRows * e.machine.tileVectors, queries = p.factors.size();
  int64_t together = std::max<int64_t>(registers / queries, 1) * e.machine.lanes;
  for (int64_t from = 0; from < p.width; from += together) {
    sumColumns(e, p, from, std::min(p.width, from + together));
  }
}
