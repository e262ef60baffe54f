// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops on patches that the data decides, on random patches against what their definitions say one by one: every byte knows its
// patch and counts; attention is a full one below a mask.
#include "test/interpreter/OpHarness.h"

#include "dialects/MBLM/IR/NgramHash.h"
#include "runtime/Support/Error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

using namespace mblm;
using namespace mblm::test;

namespace {

// Uniform in [low, high].
int64_t draw(std::mt19937_64 &random, int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); }

std::vector<int32_t> randomIds(int64_t count, int64_t vocab, std::mt19937_64 &random) {
  std::vector<int32_t> ids;
  for (int64_t n = 0; n < count; ++n) {
    ids.push_back(static_cast<int32_t>(draw(random, 0, vocab - 1)));
  }
  return ids;
}

// K sequences of N bytes; the first patch of each has `lead` more.
struct Patched {
  int64_t sequences, bytes, lead, most;
  std::vector<int32_t> ids, lengths;
  std::vector<std::vector<int64_t>> patchOf; // of the bytes and the next one

  Patched(std::mt19937_64 &random, bool firstAlone, int64_t vocab = 3)
      : sequences(draw(random, 1, 3)), bytes(draw(random, 1, 24)), lead(firstAlone ? 0 : draw(random, 0, 3)),
        most(draw(random, 1, bytes + 1 - lead > 0 ? bytes + 1 - lead : 1)) {
    if (firstAlone) {
      most = std::max<int64_t>(most, 2);
    }
    bytes = std::max(bytes, lead + 1);
    ids = randomIds(sequences * bytes, vocab, random);
    for (int64_t k = 0; k < sequences; ++k) {
      int64_t left = bytes + 1 - lead;
      std::vector<int64_t> owner;
      for (int64_t m = 0; m < most; ++m) {
        bool last = m + 1 == most, only = firstAlone && m == 0;
        int64_t length = left == 0 ? 0 : only ? 1 : last ? left : draw(random, 1, std::max<int64_t>(1, 2 * left / (most - m)));
        length = std::min(length, left);
        lengths.push_back(static_cast<int32_t>(length));
        left -= length;
        owner.insert(owner.end(), length + (m == 0 ? lead : 0), m);
      }
      patchOf.push_back(owner);
    }
  }

  Tensor idTensor() const { return Tensor::ids({sequences, bytes}, ids); }
  Tensor lengthTensor() const { return Tensor::ids({sequences, most}, lengths); }
  int32_t id(int64_t k, int64_t t) const { return ids[k * bytes + t]; }
  // The patch that byte t belongs to, or the last one that is complete before the next byte's.
  int64_t owner(int64_t k, int64_t t, bool ahead) const { return ahead ? patchOf[k][t + 1] - 1 : patchOf[k][t]; }
};

std::string attributesOf(int64_t rows, int64_t window, int64_t lead, bool ahead) {
  return "rows = " + std::to_string(rows) + ", window = " + std::to_string(window) + ", lead = " + std::to_string(lead) +
         (ahead ? ", ahead" : "");
}

class Patches : public testing::TestWithParam<int> {
protected:
  std::mt19937_64 random{static_cast<uint64_t>(GetParam())};
};

TEST_P(Patches, BytesOfEachPatch) {
  bool ahead = GetParam() % 2 == 0;
  Patched p(random, ahead);
  int64_t rows = draw(random, 1, 3), window = draw(random, 1, 4), k = p.sequences, n = p.bytes;
  OpFunction function({"mblm.patch_bytes", {ids({k, p.most}, 0), ids({k, n}, 3)}, {numbers({k, 2 * rows * p.most}, 2 * rows)},
                       attributesOf(rows, window, p.lead, ahead)});
  std::vector<int32_t> expected;
  for (int64_t s = 0; s < k; ++s) {
    for (int64_t m = 0; m < p.most; ++m) {
      // As many bytes as belong to patches before the window, and as many as belong to those up to its end.
      int32_t first = 0, end = 0;
      for (int64_t t = 0; t < n; ++t) {
        first += p.owner(s, t, ahead) < m - window + 1;
        end += p.owner(s, t, ahead) <= m;
      }
      for (int64_t r = 0; r < rows; ++r) {
        expected.insert(expected.end(), {first, end});
      }
    }
  }
  EXPECT_EQ(function.run({p.lengthTensor(), p.idTensor()})[0].i, expected);
}

TEST_P(Patches, PatchesOfEachByte) {
  bool ahead = GetParam() % 2 == 0;
  Patched p(random, ahead);
  int64_t rows = draw(random, 1, 3), window = draw(random, 1, 4), k = p.sequences, n = p.bytes;
  OpFunction function({"mblm.byte_patches", {ids({k, p.most}, 0), ids({k, n}, 3)}, {numbers({k, 2 * n}, 2)},
                       attributesOf(rows, window, p.lead, ahead)});
  std::vector<int32_t> expected;
  for (int64_t s = 0; s < k; ++s) {
    for (int64_t t = 0; t < n; ++t) {
      int64_t newest = p.owner(s, t, ahead), oldest = newest;
      while (oldest > 0 && newest - oldest + 1 < window) {
        --oldest;
      }
      expected.push_back(static_cast<int32_t>(oldest * rows));
      expected.push_back(static_cast<int32_t>((newest + 1) * rows));
    }
  }
  EXPECT_EQ(function.run({p.lengthTensor(), p.idTensor()})[0].i, expected);
}

TEST_P(Patches, DocumentsOfPatches) {
  Patched p(random, /*firstAlone=*/false, /*vocab=*/9);
  int64_t k = p.sequences;
  OpFunction function({"mblm.visible_patches", {ids({k, p.bytes}, 9), ids({k, p.most}, 0)}, {numbers({k, 2 * p.most}, 2)},
                       "end = 5, lead = " + std::to_string(p.lead)});
  std::vector<int32_t> expected;
  for (int64_t s = 0; s < k; ++s) {
    auto ends = [&](int64_t patch) {
      bool found = false;
      for (int64_t t = 0; t < p.bytes; ++t) {
        found |= p.patchOf[s][t] == patch && p.id(s, t) == 5;
      }
      return found;
    };
    for (int64_t m = 0; m < p.most; ++m) {
      int64_t first = m;
      while (first > 0 && !ends(first - 1)) {
        --first;
      }
      expected.push_back(static_cast<int32_t>(first));
      expected.push_back(static_cast<int32_t>(m + 1));
    }
  }
  EXPECT_EQ(function.run({p.idTensor(), p.lengthTensor()})[0].i, expected);
}

TEST_P(Patches, DocumentsAndWindowsOfBytes) {
  int64_t k = draw(random, 1, 3), n = draw(random, 1, 30), window = draw(random, 1, 8);
  std::vector<int32_t> bytes = randomIds(k * n, 6, random), expected;
  bool windowed = GetParam() % 3 != 0, documents = GetParam() % 2 != 0;
  std::string attributes = windowed ? "window = " + std::to_string(window) : "";
  attributes += documents ? std::string(windowed ? ", " : "") + "end = 4" : "";
  OpFunction function({"mblm.visible_bytes", {ids({k, n}, 6)}, {numbers({k, 2 * n}, 2)}, attributes});
  for (int64_t s = 0; s < k; ++s) {
    for (int64_t t = 0; t < n; ++t) {
      int64_t first = t; // one byte more, as long as it is of the same document and of the window
      while (first > 0 && !(documents && bytes[s * n + first - 1] == 4) && !(windowed && t - first + 1 == window)) {
        --first;
      }
      expected.push_back(static_cast<int32_t>(first));
      expected.push_back(static_cast<int32_t>(t + 1));
    }
  }
  EXPECT_EQ(function.run({Tensor::ids({k, n}, bytes)})[0].i, expected);
}

TEST_P(Patches, HashesOfNgrams) {
  int64_t k = 2, n = draw(random, 1, 12), vocab = 260, rows = draw(random, 1, 500000), functions = draw(random, 1, 11);
  std::vector<int64_t> sizes;
  std::string list;
  for (int64_t g = draw(random, 1, 3); g > 0; --g) {
    sizes.push_back(draw(random, 1, 20)); // long ones wrap
    list += (list.empty() ? "" : ", ") + std::to_string(sizes.back());
  }
  int64_t count = static_cast<int64_t>(sizes.size()), each = 1 + functions * count;
  OpFunction function({"mblm.ngram_rows", {ids({k, n}, vocab)}, {numbers({k, n * each}, each)},
                       "vocab = 260, sizes = array<i64: " + list + ">, functions = " + std::to_string(functions) + ", rows = " +
                           std::to_string(rows)});
  std::vector<int32_t> bytes = randomIds(k * n, vocab, random), expected;
  for (int64_t s = 0; s < k; ++s) {
    for (int64_t t = 0; t < n; ++t) {
      expected.push_back(bytes[s * n + t]);
      for (int64_t table = 0; table < functions * count; ++table) {
        // Horner's scheme, the newest byte first.
        unsigned __int128 sum = 0;
        for (int64_t j = 0; j < sizes[table % count]; ++j) {
          int64_t byte = t - j >= 0 ? bytes[s * n + t - j] : 0;
          sum = sum * static_cast<uint64_t>(ngramPrimes[table / count]) + static_cast<uint64_t>(byte);
        }
        __int128 wrapped = static_cast<int64_t>(static_cast<uint64_t>(sum));
        int64_t hash = static_cast<int64_t>(((wrapped % rows) + rows) % rows);
        expected.push_back(static_cast<int32_t>(vocab + table * rows + hash));
      }
    }
  }
  EXPECT_EQ(function.run({Tensor::ids({k, n}, bytes)})[0].i, expected);
}

// Pools and what spreads them: numbers one by one, and sums that are adjoint to copies.
TEST_P(Patches, PoolsAlongRanges) {
  Patched p(random, /*firstAlone=*/false);
  int64_t k = p.sequences, n = p.bytes, width = draw(random, 1, 4);
  std::string lead = attributesOf(1, 1, p.lead, false);
  OpFunction toSpans({"mblm.patch_bytes", {ids({k, p.most}, 0), ids({k, n}, 3)}, {numbers({k, 2 * p.most}, 2)}, lead});
  OpFunction toOwners({"mblm.byte_patches", {ids({k, p.most}, 0), ids({k, n}, 3)}, {numbers({k, 2 * n}, 2)}, lead});
  Tensor spans = toSpans.run({p.lengthTensor(), p.idTensor()})[0], owners = toOwners.run({p.lengthTensor(), p.idTensor()})[0];
  Tensor x = randomTensor(std::vector<int64_t>{k, n, width}, random);
  Tensor y = randomTensor(std::vector<int64_t>{k, p.most, width}, random);
  std::map<std::string, Tensor> pooled;
  for (const char *kind : {"max", "min", "mean", "sum"}) {
    OpFunction pool({"mblm.pool", {{k, n, width}, ids({k, 2 * p.most}, 0)}, {{k, p.most, width}},
                     std::string("kind = #mblm<pool_kind ") + kind + ">"});
    pooled[kind] = pool.run({x, spans})[0];
  }
  double sums = 0, copies = 0, means = 0, parts = 0;
  OpFunction spread({"mblm.spread", {{k, p.most, width}, ids({k, 2 * n}, 0)}, {{k, n, width}}, ""});
  OpFunction spreadMean({"mblm.spread", {{k, p.most, width}, ids({k, 2 * n}, 0), ids({k, 2 * p.most}, 0)}, {{k, n, width}}, "mean"});
  Tensor copied = spread.run({y, owners})[0], shared = spreadMean.run({y, owners, spans})[0];
  for (int64_t s = 0; s < k; ++s) {
    for (int64_t m = 0; m < p.most; ++m) {
      for (int64_t c = 0; c < width; ++c) {
        double most = -INFINITY, least = INFINITY, sum = 0, count = 0;
        for (int64_t t = 0; t < n; ++t) {
          if (p.patchOf[s][t] == m) {
            double value = x.row(s, t)[c];
            most = std::max(most, value);
            least = std::min(least, value);
            sum += value;
            ++count;
            EXPECT_EQ(copied.row(s, t)[c], y.row(s, m)[c]);
          }
        }
        EXPECT_EQ(pooled["max"].row(s, m)[c], count ? most : 0);
        EXPECT_EQ(pooled["min"].row(s, m)[c], count ? least : 0);
        EXPECT_NEAR(pooled["sum"].row(s, m)[c], sum, 1e-12);
        EXPECT_NEAR(pooled["mean"].row(s, m)[c], count ? sum / count : 0, 1e-12);
        sums += pooled["sum"].row(s, m)[c] * y.row(s, m)[c];
        means += pooled["mean"].row(s, m)[c] * y.row(s, m)[c];
      }
    }
    for (int64_t t = 0; t < n; ++t) {
      for (int64_t c = 0; c < width; ++c) {
        copies += copied.row(s, t)[c] * x.row(s, t)[c];
        parts += shared.row(s, t)[c] * x.row(s, t)[c];
      }
    }
  }
  EXPECT_NEAR(sums, copies, 1e-10);
  EXPECT_NEAR(means, parts, 1e-10);
}

// Random ranges that neither begin nor end before earlier ones, some of them empty.
std::vector<int32_t> randomRanges(int64_t sequences, int64_t queries, int64_t keys, std::mt19937_64 &random) {
  std::vector<int32_t> ranges;
  for (int64_t k = 0; k < sequences; ++k) {
    int64_t begin = 0, end = 0;
    for (int64_t t = 0; t < queries; ++t) {
      bool none = draw(random, 0, 5) == 0;
      begin = none ? end : draw(random, begin, end);
      end = none ? end : draw(random, end, keys);
      ranges.push_back(static_cast<int32_t>(begin));
      ranges.push_back(static_cast<int32_t>(end));
    }
  }
  return ranges;
}

TEST_P(Patches, AttentionIsMasked) {
  int64_t k = draw(random, 1, 2), queries = draw(random, 1, 9), groups = draw(random, 1, 3), heads = groups * draw(random, 1, 3);
  int64_t width = draw(random, 1, 5), perRow = draw(random, 1, 3), keys = perRow * draw(random, 1, 4);
  OpFunction function({"mblm.ranged_attention",
                       {{k, queries, heads * width},
                        {k, keys / perRow, perRow * groups * width},
                        {k, keys / perRow, perRow * groups * width},
                        ids({k, 2 * queries}, 0)},
                       {{k, queries, heads * width}, {k, queries, heads}},
                       "scale = 0.7, heads = " + std::to_string(heads) + ", kv_heads = " + std::to_string(groups) +
                           ", per_row = " + std::to_string(perRow)});
  const std::vector<int64_t> rows{k, keys / perRow, perRow * groups * width};
  Tensor q = randomTensor(std::vector<int64_t>{k, queries, heads * width}, random), key = randomTensor(rows, random), value = randomTensor(rows, random);
  std::vector<int32_t> ranges = randomRanges(k, queries, keys, random);
  std::vector<Tensor> got = function.run({q, key, value, Tensor::ids({k, 2 * queries}, ranges)});
  for (int64_t s = 0; s < k; ++s) {
    for (int64_t i = 0; i < queries; ++i) {
      for (int64_t h = 0; h < heads; ++h) {
        int64_t group = h / (heads / groups);
        std::vector<double> mixed(width, 0);
        double total = 0;
        for (int64_t j = 0; j < keys; ++j) {
          int64_t place = ((s * keys + j) * groups + group) * width; // the same numbers in the same order
          double score = 0;
          for (int64_t c = 0; c < width; ++c) {
            score += q.row(s, i)[h * width + c] * key.f[place + c];
          }
          bool seen = ranges[2 * (s * queries + i)] <= j && j < ranges[2 * (s * queries + i) + 1];
          double weight = seen ? std::exp(0.7 * score) : 0;
          total += weight;
          for (int64_t c = 0; c < width; ++c) {
            mixed[c] += weight * value.f[place + c];
          }
        }
        EXPECT_NEAR(got[1].row(s, i)[h], total > 0 ? std::log(total) : 0, 1e-10);
        for (int64_t c = 0; c < width; ++c) {
          EXPECT_NEAR(got[0].row(s, i)[h * width + c], total > 0 ? mixed[c] / total : 0, 1e-10);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Random, Patches, testing::Range(0, 24));

// Two equal numbers are the one place where a difference quotient from both sides says what the op does: one half each.
TEST(PatchGradients, TiesShare) {
  for (const char *kind : {"max", "min"}) {
    OpFunction function({"mblm.pool", {{1, 5, 1}, ids({1, 4}, 0), ids({1, 10}, 0)}, {{1, 2, 1}},
                         std::string("kind = #mblm<pool_kind ") + kind + ">"});
    function.differentiate(1);
    double far = kind == std::string("max") ? -1 : 9;
    std::vector<Tensor> operands{Tensor::floats({1, 5, 1}, {3, far, 3, 5, 5}), Tensor::ids({1, 4}, {0, 3, 3, 5}),
                                 Tensor::ids({1, 10}, {0, 1, 0, 1, 0, 1, 1, 2, 1, 2})};
    std::vector<double> grads = function.runVjp(operands, {Tensor::floats({1, 2, 1}, {1, 1})})[0].f;
    EXPECT_EQ(grads, (std::vector<double>{0.5, 0, 0.5, 0.5, 0.5}));
    for (size_t t = 0; t < grads.size(); ++t) {
      const double step = 1e-6;
      std::vector<Tensor> above = operands, below = operands;
      above[0].f[t] += step;
      below[0].f[t] -= step;
      Tensor up = function.run(above)[0], down = function.run(below)[0];
      EXPECT_NEAR(grads[t], (up.f[0] - down.f[0] + up.f[1] - down.f[1]) / (2 * step), 1e-6) << kind << " " << t;
    }
  }
}

// What the ops cannot give a gradient of they refuse rather than leave out.
TEST(PatchGradients, AreRefusedWithoutWhatTheyNeed) {
  OpFunction pool({"mblm.pool", {{1, 3, 1}, ids({1, 4}, 0)}, {{1, 2, 1}}, "kind = #mblm<pool_kind mean>"});
  EXPECT_THROW(pool.differentiate(1), std::logic_error);
  OpFunction spread({"mblm.spread", {{1, 2, 1}, ids({1, 6}, 0)}, {{1, 3, 1}}, ""});
  EXPECT_THROW(spread.differentiate(1), std::logic_error);
  OpFunction rows({"mblm.ranged_attention", {{1, 2, 1}, {1, 1, 2}, {1, 1, 2}, ids({1, 4}, 0)}, {{1, 2, 1}, {1, 2, 1}},
                   "heads = 1, kv_heads = 1, scale = 1.0, per_row = 2"});
  EXPECT_THROW(rows.differentiate(1), std::logic_error);
}

TEST(PatchLengths, ThatDoNotAddUpAreRefused) {
  OpFunction function({"mblm.patch_bytes", {ids({2, 2}, 0), ids({2, 4}, 3)}, {numbers({2, 4}, 2)}, ""});
  try {
    function.run({Tensor::ids({2, 2}, {2, 3, 2, 2}), Tensor::ids({2, 4}, {0, 0, 0, 0, 0, 0, 0, 0})});
    FAIL() << "expected an error";
  } catch (const Error &error) {
    EXPECT_EQ(error.code, Exit::BadInput);
    EXPECT_STREQ(error.what(), "patch lengths of sequence 1 add up to 4; expected 5, one more than its bytes");
  }
}

} // namespace
