// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of the entries, as artifacts and the command line spell them; sizes as forms of B, M and P.
#include "runtime/Program.h"

#include "runtime/Support/Error.h"

#include <algorithm>

namespace mblm::rt {

std::string entryName(Entry entry, int64_t stage) {
  switch (entry) {
  case Entry::Forward:
    return "forward";
  case Entry::Hidden:
    return "hidden";
  case Entry::Empty:
    return "empty";
  case Entry::Entropies:
    return "entropies";
  case Entry::Patches:
    return "patches";
  case Entry::Loss:
    return "loss";
  case Entry::Gradients:
    return "gradients";
  case Entry::TrainStep:
    return "train_step";
  case Entry::Begin:
    return "begin_" + std::to_string(stage);
  case Entry::Step:
    return "step_" + std::to_string(stage);
  case Entry::Prefill:
    return "prefill_" + std::to_string(stage);
  case Entry::ShortPrefill:
    return "short_prefill_" + std::to_string(stage);
  case Entry::Prepare:
    return "prepare";
  }
  return "unknown";
}

int64_t stepRows(Entry entry) {
  return entry == Entry::Prefill ? prefillRows : entry == Entry::ShortPrefill ? shortPrefillRows : 1;
}

Entry stepFor(int64_t count) {
  return count >= prefillRows ? Entry::Prefill : count >= shortPrefillRows ? Entry::ShortPrefill : Entry::Step;
}

int64_t ModelInfo::plannedPatches(int64_t slots) const {
  if (!patched) {
    return 0;
  }
  double share = double(mostPatches) / double(std::max<int64_t>(maxLength, 1));
  return std::min(slots + 1, int64_t(share * double(slots)) + 1);
}

int64_t LinearSize::at(const Shape &shape, const std::string &what) const {
  int64_t slots, patches, sum = 0;
  bool over = __builtin_mul_overflow(shape.batch, shape.slots, &slots) ||
              __builtin_mul_overflow(shape.batch, shape.patches, &patches);
  int64_t factors[] = {1, shape.slots, shape.batch, slots, shape.piece, shape.patches, patches};
  for (size_t i = 0; i < coefficients.size(); ++i) {
    int64_t term;
    over =
        over || __builtin_mul_overflow(coefficients[i], factors[i], &term) || __builtin_add_overflow(sum, term, &sum);
  }
  if (over || sum < 0) {
    throw Error(Exit::Resource, what + " with batch " + std::to_string(shape.batch) + " and " +
                                    std::to_string(shape.slots) + " slots needs more memory than can be counted");
  }
  return sum;
}

int64_t stateFloats(const std::vector<StateTensor> &states, int64_t batch, int64_t slots) {
  int64_t floats = 0;
  for (const StateTensor &state : states) {
    LinearSize end = state.offset; // padded to whole lines of 16 floats
    auto lines = [](int64_t n) { return (n + 15) / 16 * 16; };
    end.coefficients[2] += lines(state.positions.more * state.width);
    end.coefficients[3] += lines(state.positions.perSlot * state.width);
    floats = std::max(floats, end.at({batch, slots}, "the state"));
  }
  return floats;
}

} // namespace mblm::rt
