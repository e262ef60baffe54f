// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A patch is closed when the byte behind it comes, not before: the last patch that fits into a context is never asked for by
// the stage above, and a text that ends with a patch costs no step for it.
#include "runtime/StageDecoder.h"

#include "runtime/StateFile.h"
#include "runtime/Support/Error.h"

#include <algorithm>

namespace mblm::rt {

StageDecoder::StageDecoder(Model &model, int64_t batch, int64_t capacity) : Decoder(model, batch, capacity) {
  openStates();
  const ModelInfo &info = model.info();
  slotCapacity = model.slotsFor(capacity);
  int64_t slotBytes = info.inner;
  for (size_t i = 0; i < info.stageLengths.size(); ++i) {
    Stage &stage = stages.emplace_back();
    slotBytes /= i > 0 ? info.stageLengths[i] : 1;
    stage.slotBytes = slotBytes;
    stage.limit = i > 0 ? info.stageLengths[i] : slotCapacity;
  }
  open.assign(batch * info.inner, 0);
}

void StageDecoder::reset() {
  bytes = openBytes = 0;
  for (Stage &stage : stages) {
    stage.slots = 0;
    stage.begun = false;
  }
}

void StageDecoder::run(Entry entry, size_t stage, int64_t position, const int32_t *ids) {
  Call call;
  call.batch = sequences;
  call.slots = slotCapacity;
  call.stage = int64_t(stage);
  call.position = position;
  call.ids = ids;
  call.params = model.passed(Flat::Params);
  call.state = state.data();
  call.output = output.data();
  model.getProgram().run(entry, call);
}

// The stage and all above it stand at a sequence, each with the context that the one above left.
void StageDecoder::begin(size_t stage) {
  for (size_t i = 0; i <= stage; ++i) {
    if (!stages[i].begun && model.info().startToken) {
      run(Entry::Begin, i, 0, nullptr);
    }
    stages[i].begun = true;
  }
}

// Runs the slots of an entry, and with them begins new sequences in all stages below.
void StageDecoder::step(size_t stage, const int32_t *ids, int64_t stride, Entry entry) {
  begin(stage);
  int64_t rows = stepRows(entry), count = rows * stages[stage].slotBytes;
  callIds.resize(sequences * count);
  for (int64_t b = 0; b < sequences; ++b) {
    std::copy_n(ids + b * stride, count, callIds.data() + b * count);
  }
  int64_t position = stages[stage].slots + (model.info().startToken ? 1 : 0);
  run(entry, stage, position, callIds.data());
  stages[stage].slots += rows;
  for (size_t i = stage + 1; i < stages.size(); ++i) {
    stages[i].slots = 0;
    stages[i].begun = false;
  }
}

// The bytes of a slot of `stage` are complete. The last slot of a patch need not be run, as nothing below would read what
// comes out; but then the patch is a slot of the stage above.
void StageDecoder::closeSlot(size_t stage) {
  while (stage > 0 && stages[stage].slots + 1 == stages[stage].limit) {
    --stage;
  }
  step(stage, open.data() + openBytes - stages[stage].slotBytes, model.info().inner, Entry::Step);
  if (stage == 0) {
    openBytes = 0;
  }
}

// Takes some of `count` bytes that are there: whole slots of the outermost stage that stands at a border, or a byte of the open
// patch. At least one byte is left for the local stage, whose logits are wanted.
int64_t StageDecoder::advance(const int32_t *ids, int64_t stride, int64_t count) {
  size_t local = stages.size() - 1, i = 0;
  if (local > 0 && stages[local].slots == stages[local].limit) {
    closeSlot(local - 1);
  }
  auto atBorder = [&](size_t stage) {
    return std::all_of(stages.begin() + stage + 1, stages.end(), [](const Stage &below) { return below.slots == 0; });
  };
  while (i < local && (!atBorder(i) || count <= stages[i].slotBytes)) {
    ++i;
  }
  // The stage below goes on from a step: a prefill leaves nothing for it.
  Entry entry = i == 0 ? stepFor(std::max<int64_t>((count - 1) / stages[0].slotBytes - (local > 0 ? 1 : 0), 1)) : Entry::Step;
  int64_t taken = stepRows(entry) * stages[i].slotBytes;
  if (i == 0) {
    step(0, ids, stride, entry);
    return taken;
  }
  for (int64_t b = 0; b < sequences; ++b) {
    std::copy_n(ids + b * stride, taken, open.data() + b * model.info().inner + openBytes);
  }
  openBytes += taken;
  if (i < local) {
    closeSlot(i);
  } else {
    step(local, ids, stride, Entry::Step);
  }
  return taken;
}

//===----------------------------------------------------------------------===//
// States on disk
//===----------------------------------------------------------------------===//

// Rows of a state that hold something: of those that grow with the sequence, the positions that were run.
int64_t StageDecoder::filledRows(const StateTensor &tensor) const {
  int64_t run = stages[0].begun ? stages[0].slots + (model.info().startToken ? 1 : 0) : 0;
  return tensor.positions.perSlot ? std::min(run, tensor.positions.at(slotCapacity)) : tensor.positions.more;
}

void StageDecoder::save(const std::string &path) const {
  StateImage image;
  addStates(image);
  image.add("open", {sequences, model.info().inner}, open);
  std::vector<int32_t> counters;
  for (const Stage &stage : stages) {
    counters.push_back(int32_t(stage.slots));
    counters.push_back(stage.begun);
  }
  image.add("counters", {int64_t(stages.size()), 2}, counters);
  writeSafetensors(path, image.tensors, stateNotes(model, bytes));
}

void StageDecoder::load(const std::string &path) {
  SafetensorsFile file(path);
  int64_t length = openState(file, model, sequences, most);
  auto expect = [&](const std::string &name, const std::vector<int64_t> &shape) -> const TensorInfo & {
    return stateTensor(file, name, shape);
  };
  expect("counters", {int64_t(stages.size()), 2});
  std::vector<int32_t> counters = file.integers("counters");
  std::vector<Stage> loaded = stages;
  int64_t covered = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    loaded[i].slots = counters[2 * i];
    loaded[i].begun = counters[2 * i + 1] != 0;
    covered += loaded[i].slots * loaded[i].slotBytes;
    if (loaded[i].slots < 0 || loaded[i].slots > loaded[i].limit) {
      throw foreignState(file, "counts " + std::to_string(loaded[i].slots) + " slots of stage " + std::to_string(i) + "; it is damaged");
    }
  }
  if (covered != length) {
    throw foreignState(file, "counts slots of " + std::to_string(covered) + " bytes for " + std::to_string(length) + "; it is damaged");
  }
  std::swap(stages, loaded);
  try {
    readStates(file);
    expect("open", {sequences, model.info().inner});
    open = file.integers("open");
  } catch (...) {
    reset(); // half of it may be there
    throw;
  }
  bytes = length;
  openBytes = length - stages[0].slots * stages[0].slotBytes;
}

} // namespace mblm::rt
