// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of BLT's patchers, in f32 as there, and its packing by the number of patches.
#include "runtime/Patches.h"

#include "runtime/Support/Error.h"
#include "runtime/Tokenizer.h"

#include <algorithm>
#include <numeric>
#include <string>

namespace mblm::rt {

// No letter or digit of ASCII and no continuation of a character: the first such byte ends a word.
static bool isBoundary(int32_t id) {
  if (id < byteOffset) {
    return true;
  }
  int32_t byte = id - byteOffset;
  auto in = [byte](int32_t first, int32_t last) { return byte >= first && byte <= last; };
  return !(in('0', '9') || in('A', 'Z') || in('a', 'z') || in(0x80, 0xBF));
}

void checkHasRule(const PatchRule &rule) {
  if (rule.mode == PatchRule::Mode::Given) {
    throw Error(Exit::BadInput,
                "the model takes patch lengths as they are given: expected 'patch_lengths' with the ids");
  }
}

Patcher::Patcher(const PatchRule &rule) : rule(rule) {
  checkHasRule(rule);
  if (rule.mode == PatchRule::Mode::Static && rule.size < 1) {
    throw Error(Exit::BadInput, "static patches of " + std::to_string(rule.size) + " bytes; expected at least 1");
  }
}

// Whether position `fed` + 1, behind `id`, opens a patch, but for the limit of lengths.
bool Patcher::opens(int32_t id, float entropy) const {
  int64_t position = fed + 1;
  switch (rule.mode) {
  case PatchRule::Mode::Given:
    return false;
  case PatchRule::Mode::Byte:
    return true;
  case PatchRule::Mode::Static:
    return (position + rule.lead) % rule.size == 0 || (rule.firstAlone && position == 1);
  case PatchRule::Mode::Space:
    return position == 1 || id < byteOffset || (isBoundary(id) && !isBoundary(idBefore));
  case PatchRule::Mode::Bpe:
    return position == 1 || id == delimiterId;
  case PatchRule::Mode::Entropy:
    break;
  }
  if (position == 1) {
    return true;
  }
  float step = entropy - entropyBefore;
  if (rule.monotonic) {
    return position == 2 || step > rule.threshold;
  }
  if (rule.thresholdAdd) {
    // "Not directly behind another begin" is meant; what is computed keeps position 3 closed, and no other.
    return position == 2 || (position != 3 && step > *rule.thresholdAdd && entropy > rule.threshold);
  }
  return entropy > rule.threshold;
}

bool Patcher::feed(int32_t id, float entropy) {
  bool open = opens(id, entropy);
  ++fed;
  open = open || (rule.maxLength > 0 && fed - start == rule.maxLength);
  start = open ? fed : start;
  idBefore = id;
  entropyBefore = entropy;
  return open;
}

void Patcher::resume(int64_t count, int64_t begin, int32_t id, float entropy) {
  fed = count;
  start = begin;
  idBefore = id;
  entropyBefore = entropy;
}

std::vector<uint8_t> patchStarts(const PatchRule &rule, const int32_t *ids, const float *entropies, int64_t length,
                                 bool next) {
  if (rule.mode == PatchRule::Mode::Entropy && entropies == nullptr && length > 0) {
    throw Error(Exit::BadInput, "patches by entropy need the entropies of an entropy model");
  }
  Patcher patcher(rule);
  std::vector<uint8_t> starts(size_t(length + next), 0);
  for (int64_t i = 0; i < length; ++i) {
    // The reference looks for delimiters before the last id.
    bool lastDelimiter = rule.mode == PatchRule::Mode::Bpe && i > 0 && i == length - 1 && ids[i] == delimiterId;
    bool open = patcher.feed(lastDelimiter ? byteOffset : ids[i], entropies != nullptr ? entropies[i] : 0);
    if (size_t(i) + 1 < starts.size()) {
      starts[size_t(i) + 1] = open;
    }
  }
  if (!starts.empty()) {
    starts[0] = 1;
  }
  return starts;
}

std::vector<uint8_t> budgetStarts(const float *entropies, int64_t length, int64_t size, bool next) {
  if (size < 1) {
    throw Error(Exit::BadInput, "patches of " + std::to_string(size) + " bytes on average; expected at least 1");
  }
  std::vector<uint8_t> starts(size_t(length + next), 0);
  std::fill_n(starts.begin(), std::min<size_t>(2, starts.size()), 1);
  std::vector<int64_t> order(size_t(std::max<int64_t>(0, length - 1)));
  std::iota(order.begin(), order.end(), 1);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return entropies[a] != entropies[b] ? entropies[a] > entropies[b] : a < b;
  });
  size_t count = std::min(order.size(), size_t(std::max<int64_t>(0, length / size - 2)));
  for (size_t i = 0; i < count; ++i) {
    if (size_t(order[i]) + 1 < starts.size()) {
      starts[size_t(order[i]) + 1] = 1;
    }
  }
  return starts;
}

std::vector<int32_t> lengthsOf(const std::vector<uint8_t> &starts) {
  std::vector<int32_t> lengths;
  for (uint8_t start : starts) {
    if (start != 0) {
      lengths.push_back(0);
    }
    ++lengths.back();
  }
  return lengths;
}

PatchLengths patchRows(const PatchRule &rule, const int32_t *ids, const float *entropies, int64_t batch, int64_t length,
                       bool next) {
  std::vector<int32_t> lengths;
  for (int64_t b = 0; b < batch; ++b) {
    const float *row = entropies != nullptr ? entropies + b * length : nullptr;
    std::vector<int32_t> found = lengthsOf(patchStarts(rule, ids + b * length, row, length, next));
    found.resize(size_t(length + next), 0);
    lengths.insert(lengths.end(), found.begin(), found.end());
  }
  return trimmed(std::move(lengths), batch);
}

PatchLengths trimmed(std::vector<int32_t> lengths, int64_t batch) {
  PatchLengths result{batch, 0, {}};
  auto columns = int64_t(lengths.size()) / std::max<int64_t>(batch, 1);
  for (int64_t b = 0; b < batch; ++b) {
    auto row = lengths.begin() + b * columns;
    result.patches = std::max(result.patches, columns - std::count(row, row + columns, 0));
  }
  for (int64_t b = 1; b < batch && result.patches < columns; ++b) { // the first row stands where it was
    auto row = lengths.begin() + b * columns;
    std::move(row, row + result.patches, lengths.begin() + b * result.patches);
  }
  lengths.resize(size_t(batch * result.patches));
  result.lengths = std::move(lengths);
  return result;
}

PatchLengths withoutNext(PatchLengths lengths) {
  for (int64_t b = 0; b < lengths.batch; ++b) {
    auto row = lengths.lengths.begin() + b * lengths.patches;
    --*std::prev(std::find(row, row + lengths.patches, 0));
  }
  return trimmed(std::move(lengths.lengths), lengths.batch);
}

void checkPatchLengths(const int32_t *lengths, int64_t batch, int64_t patches, int64_t length) {
  auto fail = [](int64_t b, int64_t p, const std::string &message) {
    throw Error(Exit::BadInput, "patch_lengths[" + std::to_string(b) + ", " + std::to_string(p) + "] " + message);
  };
  if (patches < 1) {
    throw Error(Exit::BadInput, "patch_lengths has no patches; expected at least 1 in each row");
  }
  for (int64_t b = 0; b < batch; ++b) {
    const int32_t *row = lengths + b * patches;
    if (row[0] != 1) {
      fail(b, 0, "is " + std::to_string(row[0]) + "; expected 1, a first patch of one id");
    }
    int64_t sum = 0;
    for (int64_t p = 0; p < patches; ++p) {
      if (row[p] < 0) {
        fail(b, p, "is " + std::to_string(row[p]) + "; expected no negative length");
      }
      if (p > 0 && row[p] != 0 && row[p - 1] == 0) {
        fail(b, p, "is " + std::to_string(row[p]) + " behind a 0; expected zeros at the end of a row alone");
      }
      sum += row[p];
    }
    if (sum != length + 1) {
      throw Error(Exit::BadInput, "row " + std::to_string(b) + " of patch_lengths sums to " + std::to_string(sum) +
                                      "; expected " + std::to_string(length + 1) + ", the ids and the next one");
    }
  }
}

// As a model needs it: the first patch holds one id.
static PatchedSequence withShortFirst(const PatchedSequence &given, size_t index) {
  auto fail = [&](const std::string &message) {
    throw Error(Exit::BadInput, "sequence " + std::to_string(index) + " " + message);
  };
  int64_t sum = std::accumulate(given.lengths.begin(), given.lengths.end(), int64_t(0));
  if (sum != int64_t(given.ids.size())) {
    fail("has patches of " + std::to_string(sum) + " ids but " + std::to_string(given.ids.size()) +
         " ids; expected the same");
  }
  if (given.lengths.empty() || *std::min_element(given.lengths.begin(), given.lengths.end()) < 1) {
    fail("has no patches, or one without ids; expected at least one in each");
  }
  PatchedSequence sequence = given;
  if (given.lengths[0] > 1) {
    if (given.lengths.size() < 2) {
      fail("is one patch of " + std::to_string(sum) + " ids; expected a first patch of one, or more patches");
    }
    sequence.lengths.insert(sequence.lengths.begin(), 1);
    --sequence.lengths[1];
    sequence.ids.resize(sequence.ids.size() - size_t(sequence.lengths.back()));
    sequence.lengths.pop_back();
  }
  return sequence;
}

// Cuts a row of lengths so that it sums to `most`.
static void cutLengths(int32_t *row, int64_t patches, int64_t most) {
  for (int64_t p = 0; p < patches; ++p) {
    row[p] = int32_t(std::min<int64_t>(row[p], most));
    most -= row[p];
  }
}

PatchedBatch packPatches(const std::vector<PatchedSequence> &sequences, int64_t batch, int64_t maxLength, bool fill) {
  if (sequences.empty() || int64_t(sequences.size()) > batch) {
    throw Error(Exit::BadInput, std::to_string(sequences.size()) + " sequences for a batch of " +
                                    std::to_string(batch) + "; expected 1 to " + std::to_string(batch));
  }
  std::vector<PatchedSequence> rows;
  int64_t longest = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    rows.push_back(withShortFirst(sequences[i], i));
    longest = std::max(longest, int64_t(rows[i].ids.size()) - 1);
    if (rows[i].lengths.size() != rows[0].lengths.size()) {
      throw Error(Exit::BadInput, "sequence " + std::to_string(i) + " has " + std::to_string(rows[i].lengths.size()) +
                                      " patches but the first has " + std::to_string(rows[0].lengths.size()) +
                                      "; expected equally many");
    }
  }
  PatchedBatch packed;
  packed.batch = batch;
  packed.patches = int64_t(rows[0].lengths.size());
  bool cut = maxLength > 0 && longest > maxLength;
  packed.length = cut || (fill && maxLength > 0) ? maxLength : longest;
  packed.ids.assign(size_t(batch * packed.length), paddingId);
  packed.targets = packed.ids;
  packed.mask.assign(packed.ids.size(), 0);
  for (int64_t b = 0; b < batch; ++b) {
    bool isPadding = b >= int64_t(rows.size());
    const PatchedSequence &row = rows[std::min(size_t(b), rows.size() - 1)];
    int64_t known = int64_t(row.ids.size()) - 1, at = b * packed.length;
    for (int64_t i = 0; i < std::min(known, packed.length) && !isPadding; ++i) {
      packed.ids[size_t(at + i)] = row.ids[size_t(i)];
      packed.targets[size_t(at + i)] = row.ids[size_t(i) + 1];
      packed.mask[size_t(at + i)] = 1;
    }
    packed.lengths.insert(packed.lengths.end(), row.lengths.begin(), row.lengths.end());
    int32_t *lengths = packed.lengths.data() + b * packed.patches;
    lengths[packed.patches - 1] += int32_t(std::max(packed.length, longest) - known);
    cutLengths(lengths, packed.patches, packed.length + 1);
  }
  return packed;
}

} // namespace mblm::rt
