// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/ShortAttention.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

void cuda::emitShortAttention(KernelWriter &writer, kernel::AttentionOp op, const AttentionPlan &plan) {
  ShortSizes sizes(plan.shape, /*copies=*/3, 0);
  writer.step(op.getLoc(), plan.temporary, ShortAttention::grid(plan, sizes), sizes.threads,
              [&](KernelWriter::Step &s) {
                ShortAttention a(s, plan, sizes);
                ThreadEmitter &e = s.e;
                Value table = plan.pointer(s, plan.table);
                Value q = a.allocate(), k = a.allocate(), v = a.allocate();
                a.read(plan.inputs[0], q, table);
                a.read(plan.inputs[1], k, table);
                a.read(plan.inputs[2], v, {});
                e.barrier();
                e.when(a.active, [&] {
                  ShortAttention::Sums weights = a.score(q, k), visible = a.visible(), factors = a.factors();
                  Value top = e.number(lowestScore), sum;
                  for (auto [score, seen] : llvm::zip(weights, visible)) {
                    score = e.select(seen, e.mulf(score, e.number(plan.shape.scale)), e.number(lowestScore));
                    top = arith::MaximumFOp::create(e.b, top, score);
                  }
                  for (auto [t, weight] : llvm::enumerate(weights)) {
                    weight = math::ExpOp::create(e.b, e.subf(weight, top)); // 0 where nothing is seen: each sees itself
                    sum = sum ? e.addf(sum, weight) : weight;
                    weight = factors.empty() ? weight : e.mulf(weight, factors[t]);
                  }
                  e.store(e.addf(top, math::LogOp::create(e.b, sum)), e.at(s.pointers[plan.results + 1], a.line()));
                  a.mix(weights, v, q, e.divf(e.number(1), sum)); // of this row of q no other thread knows
                });
                e.barrier();
                a.write(q, plan.wholeTensor(plan.results, op.getResult()), {});
              });
}

void cuda::emitShortAttentionGrad(KernelWriter &writer, kernel::AttentionGradOp op, const AttentionPlan &plan) {
  int64_t length = plan.shape.space.getPositions().one;
  int64_t line = length | 1; // of weights, so that both rows and columns are read from different banks
  ShortSizes sizes(plan.shape, /*copies=*/4, 2 * length * line);
  writer.step(op.getLoc(), plan.temporary, ShortAttention::grid(plan, sizes), sizes.threads,
              [&](KernelWriter::Step &s) {
                using Sums = ShortAttention::Sums;
                s.leaveRoomFor(1); // shared memory has room for few
                ShortAttention a(s, plan, sizes);
                ThreadEmitter &e = s.e;
                Value table = plan.pointer(s, plan.table);
                Value q = a.allocate(), k = a.allocate(), v = a.allocate(), g = a.allocate();
                Value probabilities = e.shared(sizes.pairs * length * line * 4),
                      scoreGrads = e.shared(sizes.pairs * length * line * 4);
                auto weight = [&](Value weights, Value query, Value key) {
                  return e.at(weights, e.add(e.mul(e.add(e.mul(a.pair, length), query), line), key));
                };
                auto ofKey = [&](Value weights) {
                  Sums column;
                  for (int64_t t = 0; t < length; ++t) {
                    column.push_back(e.load(weight(weights, e.index(t), a.position)));
                  }
                  return column;
                };
                a.read(plan.inputs[0], q, table);
                a.read(plan.inputs[1], k, table);
                a.read(plan.inputs[2], v, {});
                a.read(plan.wholeTensor(0, op.getGrad()), g, {});
                e.barrier();
                e.when(a.active, [&] {
                  Sums scores = a.score(q, k), products = a.score(g, v), visible = a.visible(), factors = a.factors();
                  Value lse = e.load(e.at(s.pointers[5], a.line())), dot = e.number(0);
                  for (auto [t, score] : llvm::enumerate(scores)) {
                    Value p = math::ExpOp::create(e.b, e.subf(e.mulf(score, e.number(plan.shape.scale)), lse));
                    score = e.select(visible[t], p, e.number(0));
                    products[t] = factors.empty() ? products[t] : e.mulf(products[t], factors[t]);
                    dot = math::FmaOp::create(e.b, score, products[t], dot); // the row's grad . output
                  }
                  for (auto [t, p] : llvm::enumerate(scores)) {
                    Value grad = e.mulf(e.mulf(p, e.subf(products[t], dot)), e.number(plan.shape.scale));
                    e.store(grad, weight(scoreGrads, a.position, e.index(t)));
                    e.store(factors.empty() ? p : e.mulf(p, factors[t]), weight(probabilities, a.position, e.index(t)));
                  }
                });
                // Rows that are done with take the gradients of others.
                e.barrier();
                e.when(a.active, [&] {
                  Sums row;
                  for (int64_t t = 0; t < length; ++t) {
                    row.push_back(e.load(weight(scoreGrads, a.position, e.index(t))));
                  }
                  a.mix(row, k, v, {});
                });
                e.barrier();
                e.when(a.active, [&] { a.mix(ofKey(scoreGrads), q, k, {}); });
                e.barrier();
                e.when(a.active, [&] { a.mix(ofKey(probabilities), g, q, {}); });
                e.barrier();
                HeadTensor result = plan.wholeTensor(plan.results, op.getResult());
                int64_t group = result.stride;
                result.stride = 3 * group;
                Value grads[] = {v, k, q};
                for (int64_t n = 0; n < 3; ++n) {
                  result.offset = n * group;
                  a.write(grads[n], result, n < 2 ? table : Value());
                }
              });
}
