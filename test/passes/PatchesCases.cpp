// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of rows and positions become rows of tables, so that every one of them shows.
#include "test/passes/PatchesCases.h"

#include <algorithm>
#include <cmath>

using namespace mblm;
using namespace mblm::test;

namespace {

int64_t draw(std::mt19937_64 &random, int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); }

std::string text(int64_t n) { return std::to_string(n); }

const char *const ids = "tensor<?x?xi32>";

class Module {
public:
  Module(int64_t batch, int64_t slots, int64_t vocab = 61) {
    test.batch = batch;
    test.slots = slots;
    test.vocab = vocab;
  }

  // Lengths of `most` patches, up to `most` of them in each sequence; the first one is 1, so that bytes may look ahead.
  void patches(int64_t most, uint64_t seed, int64_t lead = 0) {
    std::mt19937_64 random(seed);
    for (int64_t k = 0; k < test.batch; ++k) {
      int64_t left = test.slots + 1, used = k == 0 ? most : draw(random, 2, most);
      for (int64_t m = 0; m < most; ++m) {
        int64_t behind = std::max<int64_t>(0, used - m - 1); // patches that each need a byte
        int64_t length = m == 0 && lead == 0 ? 1 : m + 1 == used ? left : draw(random, 1, std::max<int64_t>(1, std::min(left - behind, 2 * left / (used - m > 0 ? used - m : 1))));
        length = m >= used ? 0 : length;
        test.lengths.push_back(static_cast<int32_t>(length));
        left -= length;
      }
    }
  }
  int64_t longest() const { return *std::max_element(test.lengths.begin(), test.lengths.end()); }

  // Ranges of `queries` positions among `keys` that neither begin nor end before earlier ones; some are empty.
  void ranges(int64_t queries, int64_t keys, uint64_t seed) {
    std::mt19937_64 random(seed);
    int64_t step = std::max<int64_t>(1, 2 * keys / queries);
    for (int64_t k = 0; k < test.batch; ++k) {
      int64_t begin = 0, end = 0;
      for (int64_t t = 0; t < queries; ++t) {
        bool none = draw(random, 0, 5) == 0;
        begin = none ? end : std::min(end, begin + draw(random, 0, step));
        end = none ? end : std::min(keys, std::max(end, begin) + draw(random, 0, 2 * step));
        test.ranges.push_back(static_cast<int32_t>(begin));
        test.ranges.push_back(static_cast<int32_t>(end));
      }
    }
  }

  static std::string rows(int64_t width, int64_t positions = -1) { return tensorType({-1, positions, width}); }
  // %NAME [K, T, each * width]: for each position the rows of `each` numbers in a table of `count`.
  void look(const std::string &name, const std::string &numbers, const std::string &type, int64_t count, int64_t width, int64_t each = 1,
            int64_t positions = -1) {
    test.parameters.push_back({name + "_table", {count, width}, 0, 1});
    test.body += "%" + name + " = mblm.embed %" + numbers + ", %" + name + "_table {bytes = " + text(each) + "} : " + type + ", " +
                 tensorType({count, width}) + " -> " + rows(each * width, positions) + "\n";
  }
  void bytes(const std::string &name, int64_t width) { look(name, "ids", ids, test.vocab, width); }
  void perPatch(const std::string &name, int64_t width) { look(name, "lengths", ids, longest() + 1, width); }
  void op(const std::string &line) { test.body += line + "\n"; }

  // What @train_step returns, side by side.
  void give(std::vector<std::pair<std::string, int64_t>> parts, int64_t positions = -1) {
    std::string names, types;
    int64_t width = 0;
    for (auto &[name, columns] : parts) {
      names += (names.empty() ? "%" : ", %") + name;
      types += (types.empty() ? "" : ", ") + rows(columns, positions);
      width += columns;
    }
    test.resultType = rows(width, positions);
    if (parts.size() == 1) {
      op("return " + names + " : " + types);
    } else {
      op("%all = mblm.concat " + names + " : " + types + " -> " + test.resultType + "\nreturn %all : " + test.resultType);
    }
    test.columns = std::move(parts);
  }

  ModuleCase test;
};

using Case = PatchesCase;

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

Case ngrams(const char *name, int64_t batch, int64_t slots, const std::string &sizes, int64_t functions, int64_t rows, bool listed) {
  Module m(batch, slots, 7);
  int64_t hashes = sizes.empty() ? 0 : functions * (1 + std::count(sizes.begin(), sizes.end(), ','));
  std::string attributes = sizes.empty() ? "" : "sizes = array<i64: " + sizes + ">, functions = " + text(functions) + ", rows = " + text(rows);
  int64_t each = 1 + hashes, total = 7 + hashes * rows;
  if (listed) {
    // Every third pair in no order, all single ids but one, and the triple of the largest ids; a list of none.
    std::string pairs;
    for (int64_t place = 0; place < 17; ++place) {
      int64_t pair = 3 * (5 * place % 17);
      pairs += (pairs.empty() ? "" : ", ") + text(pair / 7) + ", " + text(pair % 7);
    }
    attributes += std::string(sizes.empty() ? "" : ", ") + "list_lengths = array<i64: 2, 1, 3, 2>, list_ids = [array<i32: " + pairs +
                  ">, array<i32: 6, 5, 4, 2, 1, 0>, array<i32: 6, 6, 6>, array<i32>]";
    each += 4;
    total += 21 + 10 + 5 + 4;
  }
  m.op("%led = mblm.lead %ids count 3 : tensor<?x?xi32> -> tensor<?x?xi32>");
  m.op("%rows = mblm.ngram_rows %led vocab 7 {" + attributes + "} : tensor<?x?xi32> -> tensor<?x?xi32>");
  m.look("single", "rows", ids, total, 1, each);
  m.look("grads", "led", ids, 7, 5);
  m.test.parameters.push_back({"bags", {total, 5}, 0, 1});
  std::string table = tensorType({total, 5});
  m.op("%sums = mblm.embed_bag %rows, %bags bag " + text(each) + " : tensor<?x?xi32>, " + table + " -> tensor<?x?x5xf32>");
  m.op("%dtable = mblm.embed_bag_grad %rows, %grads bag " + text(each) + " : tensor<?x?xi32>, tensor<?x?x5xf32> -> " + table);
  m.op("mblm.gradient [@bags], %dtable : " + table);
  m.give({{"single", each}, {"sums", 5}});
  return {name, m.test};
}

// Listed n-grams of `length` ids, which do not fit into one number of 64 bits: those of the text itself, in no order and some of them
// twice, and others that differ in their oldest or newest id alone.
Case longGrams(const char *name, int64_t vocab, int64_t length) {
  constexpr int64_t batch = 2, positions = 70;
  Module m(batch, 1, vocab);
  for (int64_t n = 0; n < batch * positions; ++n) {
    int64_t t = n % positions;
    m.test.ranges.push_back(static_cast<int32_t>(vocab - 1 - t * t % 5 % vocab));
  }
  std::string list;
  int64_t count = 0;
  for (int64_t t = 0; t < positions; t += 3, ++count) {
    for (int64_t j = length - 1; j >= 0; --j) {
      int64_t id = t >= j ? m.test.ranges[static_cast<size_t>(t - j)] : 0;
      bool changed = (count % 4 == 1 && j == length - 1) || (count % 4 == 3 && j == 0);
      list += (list.empty() ? "" : ", ") + text(changed ? (id + 1) % vocab : id);
    }
  }
  std::string type = "tensor<?x" + text(positions) + "xi32>", both = "tensor<?x" + text(2 * positions) + "xi32>";
  m.op("%rows = mblm.ngram_rows %ranges vocab " + text(vocab) + " {list_lengths = array<i64: " + text(length) + ">, list_ids = [array<i32: " + list +
       ">]} : " + type + " -> " + both);
  m.look("single", "rows", both, vocab + 4 + count, 1, 2, positions);
  m.give({{"single", 2}}, positions);
  return {name, m.test};
}

// Ranges by an op of `queries` (P or M) positions with `rows` vectors each.
Case ranged(const char *name, const std::string &op, int64_t batch, int64_t slots, int64_t patches, int64_t lead = 0) {
  Module m(batch, slots, 6);
  m.patches(patches, 5, lead);
  m.op("%led = mblm.lead %ids count " + text(lead) + " : tensor<?x?xi32> -> tensor<?x?xi32>");
  m.op("%numbers = " + op);
  m.look("seen", "numbers", ids, 4 * (slots + lead + patches) + 1, 2, 2);
  m.give({{"seen", 4}});
  return {name, m.test};
}

// Of the positions behind the first `skip`, which come back as they were.
Case skipping(const char *name, const std::string &attributes, int64_t batch, int64_t slots, int64_t skip) {
  Module m(batch, slots, 6);
  std::string all = Module::rows(4), front = Module::rows(4, skip);
  m.bytes("x", 4);
  m.op("%front, %back = mblm.split %x {positions} : " + all + " -> " + front + ", " + all);
  m.op("%numbers = mblm.visible_bytes %ids " + attributes + " {skip = " + text(skip) + "} : tensor<?x?xi32> -> tensor<?x?xi32>");
  m.look("seen", "numbers", ids, slots + 1, 2, 2);
  m.op("%sum = mblm.add %back, %seen : " + all);
  m.op("%whole = mblm.concat %front, %sum {positions} : " + front + ", " + all + " -> " + all);
  m.give({{"whole", 4}});
  return {name, m.test};
}

Case hidden(const char *name, int64_t batch, int64_t slots) {
  Module m(batch, slots, 3);
  m.op("%hidden = mblm.hidden_keys %ids : tensor<?x?xi32> -> tensor<?x?xi32>");
  m.look("seen", "hidden", ids, 2, 3);
  m.give({{"seen", 3}});
  return {name, m.test};
}

std::vector<Case> numberCases() {
  std::string two = " : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>", one = " : tensor<?x?xi32> -> tensor<?x?xi32>";
  return {
      ngrams("bytes_alone", 2, 40, "", 0, 0, false),
      ngrams("hashes", 2, 50, "3, 4, 8", 2, 97, false),
      ngrams("hashes_that_wrap", 1, 33, "20, 1", 11, 1009, false),
      ngrams("lists", 3, 70, "", 0, 0, true),
      ngrams("hashes_and_lists", 2, 21, "2", 1, 5, true),
      longGrams("grams_of_one_word", 3, 40),
      longGrams("grams_of_two_words", 260, 8),
      longGrams("grams_of_three_words", 260, 15),
      longGrams("grams_of_many_ids", 2, 64),
      ranged("visible_bytes", "mblm.visible_bytes %ids" + one, 2, 20, 4),
      ranged("visible_bytes_window", "mblm.visible_bytes %ids window 7" + one, 2, 50, 4),
      ranged("visible_bytes_documents", "mblm.visible_bytes %ids window 5 end 2" + one, 3, 100, 4),
      skipping("visible_bytes_behind", "", 2, 30, 7),
      skipping("visible_bytes_behind_documents", "window 5 end 2", 3, 60, 9),
      hidden("hidden_bytes", 2, 40),
      ranged("visible_patches", "mblm.visible_patches %ids, %lengths" + two, 2, 30, 9),
      ranged("visible_patches_documents", "mblm.visible_patches %led, %lengths end 3 {lead = 2}" + two, 3, 60, 17, 2),
      ranged("patch_bytes", "mblm.patch_bytes %lengths, %led {lead = 3, rows = 2}" + two, 2, 40, 11, 3),
      ranged("patch_bytes_window", "mblm.patch_bytes %lengths, %led {window = 4, rows = 3}" + two, 3, 40, 11),
      ranged("patch_bytes_ahead", "mblm.patch_bytes %lengths, %ids {ahead}" + two, 3, 25, 20),
      ranged("patch_bytes_ahead_window", "mblm.patch_bytes %lengths, %ids {ahead, window = 3, rows = 2}" + two, 2, 25, 8),
      ranged("byte_patches", "mblm.byte_patches %lengths, %led {lead = 3, rows = 2}" + two, 2, 40, 11, 3),
      ranged("byte_patches_window", "mblm.byte_patches %lengths, %led {window = 4}" + two, 3, 40, 11),
      ranged("byte_patches_ahead", "mblm.byte_patches %lengths, %ids {ahead, rows = 4}" + two, 3, 25, 20),
      ranged("byte_patches_ahead_window", "mblm.byte_patches %lengths, %ids {ahead, window = 3, rows = 2}" + two, 2, 25, 8),
      ranged("one_byte", "mblm.byte_patches %lengths, %ids {ahead}" + two, 1, 1, 2),
  };
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

// `toPatches`: what is pooled; else the gradients. Few ids make many ties.
Case pools(const char *name, int64_t width, int64_t batch, int64_t slots, int64_t patches, bool toPatches) {
  Module m(batch, slots, 4);
  m.patches(patches, 11);
  std::string two = " : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>", x = Module::rows(width);
  m.bytes("x", width);
  m.op("%spans = mblm.patch_bytes %lengths, %ids" + two);
  m.op("%owners = mblm.byte_patches %lengths, %ids" + two);
  for (std::string kind : {"max", "min", "mean", "sum"}) {
    m.op("%" + kind + " = mblm.pool " + kind + " %x over %spans of %owners : " + x + ", " + ids + ", " + ids + " -> " + x);
  }
  if (toPatches) {
    m.give({{"max", width}, {"min", width}, {"mean", width}, {"sum", width}});
    return {name, m.test};
  }
  m.perPatch("g", width);
  for (std::string kind : {"max", "min"}) {
    m.op("%d" + kind + " = mblm.pool_grad " + kind + " %g, %x, %" + kind + " over %spans : " + x + ", " + x + ", " + ids);
  }
  m.op("%copies = mblm.spread %g by %owners : " + x + ", " + ids + " -> " + x);
  m.op("%shares = mblm.spread %g by %owners of %spans {mean} : " + x + ", " + ids + ", " + ids + " -> " + x);
  m.give({{"dmax", width}, {"dmin", width}, {"copies", width}, {"shares", width}});
  return {name, m.test};
}

// Ranges with positions between them, and some of none: what belongs nowhere has no gradient.
Case gaps(const char *name, int64_t width, int64_t batch, int64_t slots, int64_t count) {
  Module m(batch, slots, 5);
  std::mt19937_64 random(3);
  for (int64_t k = 0; k < batch; ++k) {
    std::vector<int64_t> borders;
    for (int64_t n = 0; n < 2 * count; ++n) {
      borders.push_back(draw(random, 0, slots));
    }
    std::sort(borders.begin(), borders.end());
    m.test.ranges.insert(m.test.ranges.end(), borders.begin(), borders.end());
  }
  std::string x = Module::rows(width), y = Module::rows(width, count), spans = "tensor<?x" + text(2 * count) + "xi32>";
  m.bytes("x", width);
  for (std::string kind : {"max", "mean"}) {
    m.op("%" + kind + " = mblm.pool " + kind + " %x over %ranges : " + x + ", " + spans + " -> " + y);
  }
  m.op("%dx = mblm.pool_grad max %mean, %x, %max over %ranges : " + y + ", " + x + ", " + spans);
  m.give({{"dx", width}});
  return {name, m.test};
}

std::vector<Case> poolCases() {
  return {
      pools("pool", 24, 2, 30, 7, true),          pools("pool_gradients", 24, 2, 30, 7, false),
      pools("pool_one_feature", 1, 3, 70, 40, true), pools("pool_gradients_one_feature", 1, 3, 70, 40, false),
      pools("pool_odd", 83, 1, 100, 5, true),     pools("pool_gradients_odd", 83, 1, 100, 5, false),
      gaps("gaps", 19, 2, 50, 6),                 gaps("one_range_of_none", 8, 1, 20, 1),
  };
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

enum class Give { All, Queries, Keys }; // side by side, or one of the two

struct Attention {
  int64_t heads, groups, width;
  double scale;
};

// With %q, %g of the queries and %k, %v of the keys. `more` is given, too.
Case attend(const char *name, Module m, const Attention &a, const std::string &ranges, const std::string &rangesType, Give give,
            const std::vector<std::pair<std::string, int64_t>> &more = {}) {
  std::string query = Module::rows(a.heads * a.width), key = Module::rows(a.groups * a.width), lse = Module::rows(a.heads);
  std::string attributes = " in %" + ranges + " {heads = " + text(a.heads) + ", kv_heads = " + text(a.groups) +
                           ", scale = " + std::to_string(a.scale) + " : f64} : " + query + ", " + key + ", " + rangesType;
  m.op("%y, %lse = mblm.ranged_attention %q, %k, %v" + attributes + " -> " + lse);
  m.op("%dq, %dk, %dv = mblm.ranged_attention_grad %g, %q, %k, %v, %y, %lse" + attributes + ", " + lse);
  std::vector<std::pair<std::string, int64_t>> parts;
  if (give != Give::Keys) {
    parts = {{"y", a.heads * a.width}, {"lse", a.heads}, {"dq", a.heads * a.width}};
  }
  if (give != Give::Queries) {
    parts.insert(parts.end(), {{"dk", a.groups * a.width}, {"dv", a.groups * a.width}});
  }
  parts.insert(parts.end(), more.begin(), more.end());
  m.give(parts);
  return {name, m.test, 2e-5};
}

// Bytes among themselves: in a window and within documents, or in any ranges.
Case among(const char *name, const Attention &a, int64_t batch, int64_t slots, const std::string &visible) {
  Module m(batch, slots);
  m.bytes("q", a.heads * a.width);
  m.bytes("g", a.heads * a.width);
  m.bytes("k", a.groups * a.width);
  m.bytes("v", a.groups * a.width);
  if (visible.empty()) {
    m.ranges(slots, slots, 17);
    return attend(name, m, a, "ranges", "tensor<?x" + text(2 * slots) + "xi32>", Give::All);
  }
  m.op("%seen = mblm.visible_bytes %ids " + visible + " : tensor<?x?xi32> -> tensor<?x?xi32>");
  return attend(name, m, a, "seen", ids, Give::All);
}

// Vectors of patches read bytes, or the other way round.
Case across(const char *name, const Attention &a, int64_t batch, int64_t slots, int64_t patches, int64_t rows, const std::string &attributes,
            bool patchesRead, Give give) {
  Module m(batch, slots);
  m.patches(patches, 23);
  int64_t wide = a.heads * a.width, narrow = a.groups * a.width;
  for (auto [one, width] : {std::pair<std::string, int64_t>{"q", wide}, {"g", wide}, {"k", narrow}, {"v", narrow}}) {
    bool ofPatches = patchesRead == (one == "q" || one == "g");
    if (!ofPatches) {
      m.bytes(one, width);
      continue;
    }
    m.perPatch("side_" + one, rows * width);
    m.op("%" + one + " = mblm.regroup %side_" + one + " : " + Module::rows(rows * width) + " -> " + Module::rows(width));
  }
  m.op(std::string("%seen = mblm.") + (patchesRead ? "patch_bytes" : "byte_patches") + " %lengths, %ids {rows = " + text(rows) + attributes +
       "} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>");
  return attend(name, m, a, "seen", ids, give);
}

// What scans read, too, is f32 whatever tensors between kernels are.
Case besideScans(const char *name, const Attention &a, int64_t batch, int64_t slots) {
  Module m(batch, slots);
  std::vector<std::pair<std::string, int64_t>> sums;
  for (const char *one : {"q", "g", "k", "v"}) {
    int64_t width = (*one == 'q' || *one == 'g' ? a.heads : a.groups) * a.width;
    m.bytes(one, width);
    sums.push_back({"sums_of_" + std::string(one), width});
    m.op("%" + sums.back().first + " = mblm.scan(%" + one + ") : (" + Module::rows(width) + ") -> (" + Module::rows(width) + ") {\n" +
         "^bb0(%l: f32, %r: f32):\n%s = arith.addf %l, %r : f32\nmblm.yield %s : f32\n}");
  }
  m.ranges(slots, slots, 17);
  return attend(name, m, a, "ranges", "tensor<?x" + text(2 * slots) + "xi32>", Give::All, sums);
}

std::vector<Case> attentionCases() {
  return {
      besideScans("beside_scans", {4, 2, 16, 0.25}, 2, 70),
      among("narrow_heads", {3, 3, 4, 0.5}, 2, 20, ""),
      among("one_feature", {2, 1, 1, 0.9}, 3, 9, "window 4"),
      among("causal", {2, 2, 8, 0.35}, 2, 130, ""),
      among("window_within_a_block", {2, 2, 16, 0.25}, 2, 150, "window 20 end 3"),
      among("window_beyond_a_block", {4, 2, 5, 0.4}, 1, 200, "window 80"),
      among("documents", {2, 1, 33, 0.17}, 2, 97, "end 7"),
      among("grouped_heads", {8, 2, 24, 0.2}, 2, 70, ""),
      among("one_group", {6, 1, 12, 0.3}, 1, 49, ""),
      among("whole_blocks", {2, 1, 16, 0.25}, 2, 192, "window 64"),
      among("whole_blocks_in_any_ranges", {1, 1, 8, 0.35}, 2, 128, ""),
      among("wide_heads", {2, 2, 80, 0.11}, 1, 100, ""),
      among("wide_groups", {4, 2, 64, 0.125}, 2, 65, "window 64"),
      among("two_positions", {2, 2, 16, 0.25}, 3, 2, "window 2"),
      across("patches_read", {4, 4, 6, 0.4}, 2, 90, 13, 2, "", true, Give::Queries),
      across("patches_read_grads", {4, 4, 6, 0.4}, 2, 90, 13, 2, "", true, Give::Keys),
      across("patches_read_window", {4, 2, 16, 0.25}, 2, 140, 60, 1, ", window = 5", true, Give::Queries),
      across("patches_read_window_grads", {4, 2, 16, 0.25}, 2, 140, 60, 1, ", window = 5", true, Give::Keys),
      across("bytes_read", {3, 3, 20, 0.22}, 2, 110, 17, 4, ", ahead", false, Give::Queries),
      across("bytes_read_grads", {3, 3, 20, 0.22}, 2, 110, 17, 4, ", ahead", false, Give::Keys),
      across("bytes_read_window", {2, 1, 48, 0.14}, 3, 60, 40, 2, ", ahead, window = 3", false, Give::Queries),
      across("bytes_read_window_grads", {2, 1, 48, 0.14}, 3, 60, 40, 2, ", ahead, window = 3", false, Give::Keys),
  };
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

// `count` vectors of a position attend to a state of which the call has just written `rows` rows from `position` on.
Case step(const char *name, const Attention &a, int64_t batch, int64_t count, int64_t positions, int64_t position, int64_t perRow = 1) {
  Module m(batch, 1);
  m.test.isStep = true;
  m.test.inner = count;
  m.test.position = position;
  m.ranges(count, (position + count) * perRow, 29);
  int64_t wide = a.heads * a.width, row = perRow * a.groups * a.width, floats = (positions * row + 15) / 16 * 16;
  std::string query = Module::rows(wide, count), rows = Module::rows(row, count), state = Module::rows(row, positions);
  std::string step = "tensor<?x" + text(count) + "xi32>";
  m.test.states = "mblm.state @keys at [0, 0, 0, 0] : " + state + "\nmblm.state @values at [0, 0, " + text(floats) + ", 0] : " + state + "\n";
  m.look("q", "ids", step, m.test.vocab, wide, 1, count);
  m.look("k", "ids", step, m.test.vocab, row, 1, count);
  m.look("v", "ids", step, m.test.vocab, row, 1, count);
  for (auto [one, stateName] : {std::pair<std::string, std::string>{"k", "keys"}, {"v", "values"}}) {
    m.op("%" + stateName + " = mblm.get_state @" + stateName + " : " + state);
    m.op("mblm.write %" + stateName + ", %" + one + " from 0 : " + state + ", " + rows);
  }
  std::string spans = "tensor<?x" + text(2 * count) + "xi32>";
  m.op("%y, %lse = mblm.ranged_attention %q, %keys, %values in %ranges {heads = " + text(a.heads) + ", kv_heads = " + text(a.groups) +
       ", per_row = " + text(perRow) + ", scale = " + std::to_string(a.scale) + " : f64} : " + query + ", " + state + ", " + spans + " -> " +
       Module::rows(a.heads, count));
  std::vector<std::pair<std::string, int64_t>> parts{{"y", wide}, {"lse", a.heads}};
  if (perRow == 1) {
    m.op("%pooled = mblm.pool max %keys over %ranges : " + state + ", " + spans + " -> " + rows);
    m.op("%spread = mblm.spread %values by %ranges : " + state + ", " + spans + " -> " + rows);
    parts.insert(parts.end(), {{"pooled", row}, {"spread", row}});
  }
  m.give(parts, count);
  return {name, m.test, 2e-5};
}

std::vector<Case> stepCases() {
  return {
      step("step", {4, 4, 16, 0.25}, 2, 1, 20, 12),
      step("step_first", {2, 1, 5, 0.4}, 3, 1, 8, 0),
      step("step_groups", {8, 2, 80, 0.11}, 2, 3, 90, 70),
      step("step_many_vectors", {3, 3, 33, 0.2}, 1, 8, 300, 200),
      step("step_several_in_a_row", {4, 2, 12, 0.3}, 2, 2, 40, 30, 2),
      step("step_narrow", {2, 2, 4, 0.5}, 2, 4, 16, 5, 3),
  };
}

Case entropy(const char *name, int64_t width, int64_t batch, int64_t slots) {
  Module m(batch, slots);
  m.bytes("logits", width);
  m.test.resultType = "tensor<?x?xf32>";
  m.op("%h = mblm.entropy %logits : " + Module::rows(width) + " -> tensor<?x?xf32>\nreturn %h : tensor<?x?xf32>");
  m.test.columns = {{"entropy", 1}};
  return {name, m.test};
}

// From bytes to patches and back, with work on rows in front of and behind every op: what fusion makes of it.
Case together(const char *name, int64_t width, int64_t batch, int64_t slots, int64_t patches) {
  Module m(batch, slots, 5);
  m.patches(patches, 31);
  std::string x = Module::rows(width), two = " : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>", matrix = tensorType({width, width});
  m.test.parameters.push_back({"bags", {25, width}, 0, 1});
  m.test.parameters.push_back({"w", {width, width}, 0, 0.4});
  m.test.parameters.push_back({"gain", {width}, 1, 0.5});
  std::string norm = ", %gain {eps = 1.0e-2 : f64} : " + x + ", " + tensorType({width}) + " -> " + x;
  std::string linear = ", %w : " + x + ", " + matrix + " -> " + x;
  m.op("%rows = mblm.ngram_rows %ids vocab 5 {sizes = array<i64: 3>, functions = 2, rows = 10} : tensor<?x?xi32> -> tensor<?x?xi32>");
  m.op("%bytes = mblm.embed_bag %rows, %bags bag 3 : tensor<?x?xi32>, " + tensorType({25, width}) + " -> " + x);
  m.op("%normed = mblm.norm rms %bytes" + norm);
  m.op("%mapped = mblm.linear %normed" + linear);
  m.op("%spans = mblm.patch_bytes %lengths, %ids" + two);
  m.op("%owners = mblm.byte_patches %lengths, %ids" + two);
  m.op("%largest = mblm.pool max %mapped over %spans : " + x + ", tensor<?x?xi32> -> " + x);
  m.op("%bent = mblm.activation gelu %largest : " + x);
  m.op("%patch = mblm.linear %bent" + linear);
  m.op("%active = mblm.activation silu %patch : " + x);
  m.op("%copies = mblm.spread %active by %owners : " + x + ", tensor<?x?xi32> -> " + x);
  m.op("%sum = mblm.add %copies, %mapped : " + x);
  m.op("%shares = mblm.spread %largest by %owners of %spans {mean} : " + x + ", tensor<?x?xi32>, tensor<?x?xi32> -> " + x);
  m.op("%product = mblm.multiply %sum, %shares : " + x);
  m.op("%again = mblm.norm rms %product" + norm);
  m.op("%last = mblm.linear %again" + linear);
  m.give({{"last", width}, {"sum", width}, {"product", width}});
  return {name, m.test, 5e-5};
}

} // namespace

std::vector<PatchesCase> test::patchesCases() {
  std::vector<Case> all{entropy("entropy", 260, 2, 40), entropy("entropy_few", 3, 3, 7), together("together", 16, 2, 45, 13),
                        together("together_odd", 21, 3, 60, 61)};
  for (const std::vector<Case> &more : {numberCases(), poolCases(), attentionCases(), stepCases()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}
