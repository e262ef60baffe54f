// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formulas of dialects/MBLM/IR/MBLMPatchOps.td.
#include "compiler/Interpreter/Evaluate.h"
#include "compiler/Interpreter/State.h"
#include "dialects/MBLM/IR/NgramHash.h"
#include "runtime/Support/Error.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::interpreter;

static int32_t at(const Tensor &ids, int64_t k, int64_t t) { return ids.i[k * ids.shape[1] + t]; }

// A new result of ids, `perRow` for each of K sequences: `value(k, n)`.
template <typename Function>
static void fill(Frame &frame, int64_t sequences, int64_t perRow, const Function &value) {
  std::vector<int32_t> numbers(sequences * perRow);
  for (int64_t k = 0; k < sequences; ++k) {
    for (int64_t n = 0; n < perRow; ++n) {
      numbers[k * perRow + n] = static_cast<int32_t>(value(k, n));
    }
  }
  frame.results.push_back(Tensor::ids({sequences, perRow}, std::move(numbers)));
}

//===----------------------------------------------------------------------===//
// Numbers of rows and positions
//===----------------------------------------------------------------------===//

static void evaluate(LeadOp op, Frame &frame) {
  const Tensor &ids = frame.operand(0);
  int64_t count = op.getCount();
  fill(frame, ids.shape[0], ids.shape[1] + count, [&](int64_t k, int64_t t) { return t < count ? 0 : at(ids, k, t - count); });
}

// The id that stands j positions before t, 0 before the sequence.
static int64_t before(const Tensor &ids, int64_t k, int64_t t, int64_t j) { return t >= j ? at(ids, k, t - j) : 0; }

static int64_t hashRow(const Tensor &ids, int64_t k, int64_t t, int64_t size, int64_t prime, int64_t rows) {
  uint64_t sum = 0, power = 1;
  for (int64_t j = 0; j < size; ++j) {
    sum += static_cast<uint64_t>(before(ids, k, t, size - 1 - j)) * power;
    power *= static_cast<uint64_t>(prime);
  }
  int64_t remainder = static_cast<int64_t>(sum) % rows;
  return remainder < 0 ? remainder + rows : remainder;
}

static void evaluate(NgramRowsOp op, Frame &frame) {
  const Tensor &ids = frame.operand(0);
  int64_t vocab = op.getVocab(), rows = op.getRows(), sizes = op.getSizes().size(), hashes = op.getFunctions() * sizes;
  auto listRow = [&](int64_t k, int64_t t, int64_t list) -> int64_t {
    uint64_t key = 0;
    for (int64_t j = op.getListLengths()[list] - 1; j >= 0; --j) {
      key = key * static_cast<uint64_t>(vocab) + static_cast<uint64_t>(before(ids, k, t, j));
    }
    ArrayRef<int64_t> keys = cast<DenseI64ArrayAttr>(op.getListKeys()[list]).asArrayRef();
    const int64_t *found = llvm::find(keys, static_cast<int64_t>(key));
    return found == keys.end() ? 0 : 4 + cast<DenseI64ArrayAttr>(op.getListPlaces()[list])[found - keys.begin()];
  };
  int64_t n = op.perPosition();
  fill(frame, ids.shape[0], ids.shape[1] * n, [&](int64_t k, int64_t place) -> int64_t {
    int64_t t = place / n, number = place % n;
    if (number == 0) {
      return at(ids, k, t);
    }
    if (number <= hashes) {
      int64_t table = number - 1;
      return vocab + table * rows + hashRow(ids, k, t, op.getSizes()[table % sizes], ngramPrimes[table / sizes], rows);
    }
    int64_t list = number - 1 - hashes, first = vocab + hashes * rows;
    for (int64_t l = 0; l < list; ++l) {
      first += 4 + cast<DenseI64ArrayAttr>(op.getListKeys()[l]).size();
    }
    return first + listRow(k, t, list);
  });
}

static void evaluate(VisibleBytesOp op, Frame &frame) {
  const Tensor &ids = frame.operand(0);
  int64_t skip = op.getSkip();
  fill(frame, ids.shape[0], 2 * (ids.shape[1] - skip), [&](int64_t k, int64_t n) -> int64_t {
    int64_t t = n / 2 + skip, first = 0;
    if (n % 2) {
      return t + 1;
    }
    for (int64_t u = 0; u < t && op.getEnd(); ++u) {
      first = at(ids, k, u) == static_cast<int64_t>(*op.getEnd()) ? u + 1 : first;
    }
    return op.getWindow() ? std::max<int64_t>(first, t - static_cast<int64_t>(*op.getWindow()) + 1) : first;
  });
}

namespace {
// Where the patches of one sequence begin; the last number is the end of all, one byte more than there are.
struct Borders {
  Borders(const Tensor &lengths, int64_t k, int64_t lead, int64_t bytes) : bytes(bytes) {
    for (int64_t m = 0; m < lengths.shape[1]; ++m) {
      sums.push_back(sums.back() + at(lengths, k, m) + (m == 0 ? lead : 0));
    }
    if (sums.back() != bytes + 1) {
      throw Error(Exit::BadInput, llvm::formatv("patch lengths of sequence {0} add up to {1}; expected {2}, one more than its bytes", k,
                                                sums.back(), bytes + 1));
    }
  }
  int64_t patches() const { return static_cast<int64_t>(sums.size()) - 1; }
  int64_t begin(int64_t m) const { return std::min(bytes, sums[m]); }
  // With `ahead`, of the bytes for which m is the last patch that is complete before the next byte's.
  int64_t begin(int64_t m, bool ahead) const {
    if (!ahead) {
      return begin(m);
    }
    return m == 0 ? 0 : m < patches() ? sums[m + 1] - 1 : bytes;
  }
  int64_t patch(int64_t t) const {
    int64_t m = 0;
    while (sums[m + 1] <= t) {
      ++m;
    }
    return m;
  }
  int64_t patch(int64_t t, bool ahead) const { return ahead ? patch(t + 1) - 1 : patch(t); }

  int64_t bytes;
  std::vector<int64_t> sums{0};
};
} // namespace

static void evaluate(VisiblePatchesOp op, Frame &frame) {
  const Tensor &ids = frame.operand(0), &lengths = frame.operand(1);
  fill(frame, lengths.shape[0], 2 * lengths.shape[1], [&](int64_t k, int64_t n) -> int64_t {
    int64_t m = n / 2, first = 0;
    if (n % 2) {
      return m + 1;
    }
    Borders borders(lengths, k, op.getLead(), ids.shape[1]);
    for (int64_t t = 0; t < borders.begin(m) && op.getEnd(); ++t) {
      first = at(ids, k, t) == static_cast<int64_t>(*op.getEnd()) ? borders.patch(t) + 1 : first;
    }
    return first;
  });
}

static void evaluate(PatchBytesOp op, Frame &frame) {
  const Tensor &lengths = frame.operand(0), &ids = frame.operand(1);
  int64_t rows = op.getRows(), window = op.getWindow();
  fill(frame, lengths.shape[0], 2 * rows * lengths.shape[1], [&](int64_t k, int64_t n) {
    int64_t m = n / 2 / rows;
    Borders borders(lengths, k, op.getLead(), ids.shape[1]);
    return borders.begin(n % 2 ? m + 1 : std::max<int64_t>(0, m - window + 1), op.getAhead());
  });
}

static void evaluate(BytePatchesOp op, Frame &frame) {
  const Tensor &lengths = frame.operand(0), &ids = frame.operand(1);
  int64_t rows = op.getRows(), window = op.getWindow();
  fill(frame, ids.shape[0], 2 * ids.shape[1], [&](int64_t k, int64_t n) {
    int64_t m = Borders(lengths, k, op.getLead(), ids.shape[1]).patch(n / 2, op.getAhead());
    return rows * (n % 2 ? m + 1 : std::max<int64_t>(0, m - window + 1));
  });
}

//===----------------------------------------------------------------------===//
// What goes along ranges
//===----------------------------------------------------------------------===//

static int64_t first(const Tensor &ranges, int64_t k, int64_t t) { return at(ranges, k, 2 * t); }
static int64_t end(const Tensor &ranges, int64_t k, int64_t t) { return at(ranges, k, 2 * t + 1); }

// An operand, which may be a state, as rows of a `perRow`-th of the width.
static Tensor sequences(Frame &frame, unsigned operand, int64_t perRow = 1) {
  Tensor tensor = frame.operand(operand);
  Value value = frame.op->getOperand(operand);
  if (value.getDefiningOp<GetStateOp>()) {
    State state(value, frame);
    tensor = Tensor::floats({frame.sizes.batch, state.positions, state.width});
    std::copy_n(state.data, tensor.elements(), tensor.f.begin());
  }
  tensor.shape[1] *= perRow;
  tensor.shape[2] /= perRow;
  return tensor;
}

static void evaluate(PoolOp op, Frame &frame) {
  const Tensor in = sequences(frame, 0);
  const Tensor &spans = frame.operand(1);
  Tensor &out = frame.result({in.shape[0], spans.shape[1] / 2, in.shape[2]});
  for (int64_t k = 0; k < out.shape[0]; ++k) {
    for (int64_t m = 0; m < out.shape[1]; ++m) {
      int64_t from = first(spans, k, m), to = end(spans, k, m);
      for (int64_t c = 0; c < out.shape[2] && from < to; ++c) {
        double value = in.row(k, from)[c];
        for (int64_t t = from + 1; t < to; ++t) {
          double next = in.row(k, t)[c];
          value = op.getKind() == PoolKind::Max   ? std::max(value, next)
                  : op.getKind() == PoolKind::Min ? std::min(value, next)
                                                  : value + next;
        }
        out.row(k, m)[c] = op.getKind() == PoolKind::Mean ? value / static_cast<double>(to - from) : value;
      }
    }
  }
}

static void evaluate(PoolGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0), &in = frame.operand(1), &pooled = frame.operand(2), &spans = frame.operand(3);
  Tensor &out = frame.result(in);
  for (int64_t k = 0; k < grad.shape[0]; ++k) {
    for (int64_t m = 0; m < grad.shape[1]; ++m) {
      for (int64_t c = 0; c < grad.shape[2]; ++c) {
        double ties = 0;
        for (int64_t t = first(spans, k, m); t < end(spans, k, m); ++t) {
          ties += in.row(k, t)[c] == pooled.row(k, m)[c] ? 1 : 0;
        }
        for (int64_t t = first(spans, k, m); t < end(spans, k, m); ++t) {
          out.row(k, t)[c] = in.row(k, t)[c] == pooled.row(k, m)[c] ? grad.row(k, m)[c] / ties : 0;
        }
      }
    }
  }
}

static void evaluate(SpreadOp op, Frame &frame) {
  const Tensor in = sequences(frame, 0);
  const Tensor &owners = frame.operand(1);
  Tensor &out = frame.result({in.shape[0], owners.shape[1] / 2, in.shape[2]});
  for (int64_t k = 0; k < out.shape[0]; ++k) {
    for (int64_t t = 0; t < out.shape[1]; ++t) {
      int64_t m = first(owners, k, t);
      for (int64_t c = 0; c < out.shape[2] && m < end(owners, k, t); ++c) {
        double count = 1;
        if (op.getMean()) {
          count = static_cast<double>(end(frame.operand(2), k, m) - first(frame.operand(2), k, m));
        }
        out.row(k, t)[c] = in.row(k, m)[c] / count;
      }
    }
  }
}

namespace {
struct RangedScores {
  const Tensor &query, &key, &ranges;
  int64_t heads, perGroup, width;
  double scale;

  template <typename OpT>
  RangedScores(OpT op, const Tensor &query, const Tensor &key, const Tensor &ranges)
      : query(query), key(key), ranges(ranges), heads(op.getHeads()), perGroup(heads / static_cast<int64_t>(op.getKvHeads())),
        width(query.shape[2] / heads), scale(op.getScale().convertToDouble()) {}
  // Where head h begins among the keys' features.
  int64_t keyAt(int64_t h) const { return h / perGroup * width; }
  double operator()(int64_t k, int64_t h, int64_t i, int64_t j) const {
    const double *q = query.row(k, i) + h * width, *other = key.row(k, j) + keyAt(h);
    double sum = 0;
    for (int64_t c = 0; c < width; ++c) {
      sum += q[c] * other[c];
    }
    return scale * sum;
  }
  template <typename Visit>
  void forEachQuery(Visit visit) const {
    for (int64_t k = 0; k < query.shape[0]; ++k) {
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t i = 0; i < query.shape[1]; ++i) {
          visit(k, h, i, first(ranges, k, i), end(ranges, k, i));
        }
      }
    }
  }
};
} // namespace

static void evaluate(RangedAttentionOp op, Frame &frame) {
  Tensor keys = sequences(frame, 1, op.getPerRow()), values = sequences(frame, 2, op.getPerRow());
  RangedScores scores(op, frame.operand(0), keys, frame.operand(3));
  int64_t width = scores.width;
  Tensor &out = frame.result(scores.query);
  Tensor &lse = frame.result({out.shape[0], out.shape[1], scores.heads});
  scores.forEachQuery([&](int64_t k, int64_t h, int64_t i, int64_t from, int64_t to) {
    std::vector<double> s;
    for (int64_t j = from; j < to; ++j) {
      s.push_back(scores(k, h, i, j));
    }
    if (s.empty()) {
      return;
    }
    double largest = *std::max_element(s.begin(), s.end()), sum = 0;
    for (double score : s) {
      sum += std::exp(score - largest);
    }
    lse.row(k, i)[h] = largest + std::log(sum);
    for (int64_t j = from; j < to; ++j) {
      const double *v = values.row(k, j) + scores.keyAt(h);
      double p = std::exp(s[j - from] - lse.row(k, i)[h]);
      for (int64_t c = 0; c < width; ++c) {
        out.row(k, i)[h * width + c] += p * v[c];
      }
    }
  });
}

static void evaluate(RangedAttentionGradOp op, Frame &frame) {
  const Tensor &grad = frame.operand(0), &query = frame.operand(1), &key = frame.operand(2), &value = frame.operand(3);
  const Tensor &result = frame.operand(4), &lse = frame.operand(5);
  RangedScores scores(op, query, key, frame.operand(6));
  Tensor &queryGrad = frame.result(query), &keyGrad = frame.result(key), &valueGrad = frame.result(key);
  scores.forEachQuery([&](int64_t k, int64_t h, int64_t i, int64_t from, int64_t to) {
    int64_t head = h * scores.width, group = scores.keyAt(h);
    double weighted = 0; // D[i]
    for (int64_t c = head; c < head + scores.width; ++c) {
      weighted += grad.row(k, i)[c] * result.row(k, i)[c];
    }
    for (int64_t j = from; j < to; ++j) {
      double p = std::exp(scores(k, h, i, j) - lse.row(k, i)[h]), product = 0;
      for (int64_t c = 0; c < scores.width; ++c) {
        product += grad.row(k, i)[head + c] * value.row(k, j)[group + c];
      }
      double ds = p * (product - weighted) * scores.scale;
      for (int64_t c = 0; c < scores.width; ++c) {
        valueGrad.row(k, j)[group + c] += p * grad.row(k, i)[head + c];
        queryGrad.row(k, i)[head + c] += ds * key.row(k, j)[group + c];
        keyGrad.row(k, j)[group + c] += ds * query.row(k, i)[head + c];
      }
    }
  });
}

static void evaluate(EntropyOp, Frame &frame) {
  const Tensor &logits = frame.operand(0);
  Tensor &out = frame.result({logits.shape[0], logits.shape[1]});
  for (int64_t k = 0; k < out.shape[0]; ++k) {
    for (int64_t t = 0; t < out.shape[1]; ++t) {
      const double *row = logits.row(k, t), *last = row + logits.shape[2];
      double largest = *std::max_element(row, last), sum = 0, entropy = 0;
      for (const double *x = row; x < last; ++x) {
        sum += std::exp(*x - largest);
      }
      for (const double *x = row; x < last; ++x) {
        double logP = *x - largest - std::log(sum);
        entropy -= std::exp(logP) * logP;
      }
      out.row(k)[t] = entropy;
    }
  }
}

bool mblm::interpreter::evaluatePatches(Frame &frame) {
  return llvm::TypeSwitch<Operation *, bool>(frame.op)
      .Case<LeadOp, NgramRowsOp, VisibleBytesOp, VisiblePatchesOp, PatchBytesOp, BytePatchesOp, PoolOp, PoolGradOp, SpreadOp,
            RangedAttentionOp, RangedAttentionGradOp, EntropyOp>([&](auto op) {
        evaluate(op, frame);
        return true;
      })
      .Default(false);
}
