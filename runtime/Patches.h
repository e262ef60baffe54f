// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Patches of lengths that depend on the data (BLT): where they begin, and batches of sequences with equally many of
// them. Ids are 0 to 3 for marks (padding, begin, end, delimiter) and 4 + b for byte b. Positions are counted from 0; a
// patching of N ids covers T = N + 1 of them where the next, unknown id counts too, and T = N where not.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace mblm::rt {

struct PatchRule {
  // Given: by nobody here. Static: every `size` positions. Byte: everywhere. Space: behind the first byte that is no
  // letter, digit or continuation of a character, and behind marks. Entropy: where the entropy of what follows is high.
  // Bpe: behind delimiters. The last three open position 1 too.
  enum class Mode { Given, Static, Byte, Space, Entropy, Bpe };
  Mode mode = Mode::Given;
  int64_t size = 0;
  int64_t lead = 0;        // Static: positions are counted from here
  bool firstAlone = false; // Static: position 1 opens a patch too, as models need it
  float threshold = 1.335442066192627f;
  std::optional<float> thresholdAdd; // least step from the entropy before, beside `threshold`
  bool monotonic = false;            // `threshold` is that of the step, alone
  int64_t maxLength = 0;             // longer patches are cut; 0: none
};

// Error(BadInput) for a rule that begins no patches: lengths must be given.
void checkHasRule(const PatchRule &rule);

// Takes ids one by one and says after each whether the position behind it opens a patch. What was said never changes.
// Position 0 always opens one. The same as patchStarts, but that a delimiter which is the very last id opens the patch
// behind it at once.
class Patcher {
public:
  explicit Patcher(const PatchRule &rule);
  // `entropy` (nats) is that of the distribution of the next id, for mode Entropy.
  bool feed(int32_t id, float entropy = 0);
  int64_t position() const { return fed; } // ids so far
  // As if it had taken `count` ids, of which these are the last one and its entropy, and the open patch began at `begin`.
  void resume(int64_t count, int64_t begin, int32_t id, float entropy);

private:
  bool opens(int32_t id, float entropy) const;

  PatchRule rule;
  int64_t fed = 0;
  int64_t start = 0; // of the patch that is open
  int32_t idBefore = 0;
  float entropyBefore = 0;
};

// 1 where a patch begins: `length` entries, one more with `next`. `entropies` [length] for mode Entropy, else null.
std::vector<uint8_t> patchStarts(const PatchRule &rule, const int32_t *ids, const float *entropies, int64_t length,
                                 bool next);
// The same with position 0, 1 and as many others that patches have `size` positions on average, behind the largest
// entropies: length / size - 2 of them, the earlier first among equals.
std::vector<uint8_t> budgetStarts(const float *entropies, int64_t length, int64_t size, bool next);
std::vector<int32_t> lengthsOf(const std::vector<uint8_t> &starts);

// Lengths of several rows, [batch, patches], zeros behind the last patch of a row.
struct PatchLengths {
  int64_t batch = 0, patches = 0;
  std::vector<int32_t> lengths;
};
PatchLengths patchRows(const PatchRule &rule, const int32_t *ids, const float *entropies, int64_t batch, int64_t length,
                       bool next);

// Without columns that are 0 in all rows.
PatchLengths trimmed(std::vector<int32_t> lengths, int64_t batch);
// Of rows that count the next id, the same without it: the last patch of each is one shorter, or gone.
PatchLengths withoutNext(PatchLengths lengths);

// What a model needs of the lengths for [batch, length] ids: each row begins with 1, sums to length + 1, and has zeros
// only at its end. Error(BadInput) naming the row.
void checkPatchLengths(const int32_t *lengths, int64_t batch, int64_t patches, int64_t length);

// Ids and the lengths of their patches, which sum to their number.
struct PatchedSequence {
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths;
};

// What a training step reads. Lengths sum to length + 1 in each row; `mask` is 0 where a target is padding.
struct PatchedBatch {
  int64_t batch = 0, length = 0, patches = 0;
  std::vector<int32_t> ids, targets; // [batch, length]
  std::vector<float> mask;
  std::vector<int32_t> lengths; // [batch, patches]
};

// Sequences of equally many patches as one batch of `batch` rows; where there are fewer sequences, the last rows are
// padding alone, cut as the last sequence is. A sequence whose first patch is longer than 1 has it cut in two and loses
// its last patch. Rows are padded with id 0, in their last patch; beyond `maxLength` ids they are cut (0: never), and
// with `fill` they are padded up to it.
PatchedBatch packPatches(const std::vector<PatchedSequence> &sequences, int64_t batch, int64_t maxLength, bool fill);

} // namespace mblm::rt
