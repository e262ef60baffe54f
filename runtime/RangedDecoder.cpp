// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/RangedDecoder.h"

#include "runtime/StateFile.h"
#include "runtime/Support/Error.h"

#include <algorithm>

namespace mblm::rt {

RangedDecoder::RangedDecoder(Model &model, int64_t batch, int64_t capacity) : Decoder(model, batch, capacity) {
  openStates();
  if (model.info().patched) {
    if (batch != 1) {
      throw Error(Exit::BadInput, "model '" + model.info().name + "' decides its patches by the data: expected one sequence at a time, got " +
                                      std::to_string(batch));
    }
    if (model.info().patchRule.mode == PatchRule::Mode::Entropy) {
      entropy = std::make_unique<RangedDecoder>(model.entropyModel(), 1, capacity);
    }
  }
  if (capacity >= shortPrefillRows) {
    manyOutputs = Buffer(batch * stepRows(stepFor(capacity)) * model.info().vocab, "logits");
  }
  reset();
}

void RangedDecoder::reset() {
  bytes = 0;
  ids.assign(sequences, {});
  documents.assign(sequences, {});
  patches.assign(1, 0);
  patchDocuments.assign(1, 0);
  ended = false;
  if (model.info().patched) {
    patcher.emplace(model.info().patchRule);
  }
  if (entropy) {
    entropy->reset();
  }
}

// What goes before the bytes belongs to the first document and the first patch.
std::pair<int64_t, int64_t> RangedDecoder::range(const RangeRule &rule, int64_t b, int64_t stage, int64_t position, int64_t vector) const {
  int64_t lead = stage == backStage ? 0 : model.info().patchRule.lead;
  auto inStates = [&](int64_t byte) { return byte == 0 ? 0 : byte + lead; };
  auto windowed = [&](int64_t newest) { return rule.window > 0 ? std::max<int64_t>(0, newest - rule.window + 1) : 0; };
  if (rule.kind == "visible_bytes") {
    int64_t document = rule.end >= 0 && position > lead ? inStates(documents[size_t(b)][size_t(position - lead)]) : 0;
    return {std::max(document, windowed(position)), position + 1};
  }
  if (rule.kind == "visible_patches") {
    return {rule.end >= 0 ? patchDocuments[size_t(position)] : 0, position + 1};
  }
  if (rule.kind == "patch_bytes") {
    return {inStates(patches[size_t(windowed(position))]), inStates(patches[size_t(position) + 1])};
  }
  if (rule.kind == "byte_patches") { // the last patch that is complete before the next byte's
    int64_t newest = std::upper_bound(patches.begin(), patches.end(), position + 1) - patches.begin() - 2;
    return {rule.rows * windowed(newest), rule.rows * (newest + 1)};
  }
  throw Error(Exit::Integrity, "model '" + model.info().name + "' asks for ranges of kind '" + rule.kind +
                                   "', which this runtime does not know; compile the spec again");
}

void RangedDecoder::run(int64_t stage, int64_t position, Entry entry) {
  int64_t rows = stepRows(entry);
  const StepInputs &inputs = model.getProgram().stepInputs(stage);
  callRanges.clear();
  for (const RangeRule &rule : inputs.ranges) {
    for (int64_t b = 0; b < sequences; ++b) {
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t vector = 0; vector < rule.numbers / 2; ++vector) {
          auto [first, end] = range(rule, b, stage, position + row, vector);
          callRanges.push_back(int32_t(first));
          callRanges.push_back(int32_t(end));
        }
      }
    }
  }
  if (inputs.ids > 0) { // those up to the last row's, zeros before the first
    int64_t count = inputs.ids - 1 + rows, end = std::max<int64_t>(0, position + rows - model.info().patchRule.lead);
    int64_t there = std::min(end, count);
    callIds.assign(size_t(sequences * count), 0);
    for (int64_t b = 0; b < sequences; ++b) {
      std::copy_n(ids[size_t(b)].begin() + (end - there), there, callIds.begin() + (b + 1) * count - there);
    }
  }
  Call call;
  call.batch = sequences;
  call.slots = stateSlots();
  call.stage = stage;
  call.position = position;
  call.ids = callIds.data();
  call.ranges = callRanges.data();
  call.params = model.passed(Flat::Params);
  call.state = state.data();
  call.output = rows == 1 ? output.data() : manyOutputs.data();
  model.getProgram().run(entry, call);

  if (stage != (patcher ? backStage : 0)) {
    return; // no logits
  }
  int64_t vocab = model.info().vocab;
  for (int64_t row = 0; entropies && row < rows; ++row) {
    entropies->push_back(entropyOf(call.output + row * vocab, vocab));
  }
  for (int64_t b = 0; rows > 1 && b < sequences; ++b) {
    std::copy_n(manyOutputs.data() + ((b + 1) * rows - 1) * vocab, vocab, output.data() + b * vocab);
  }
}

// Positions from `position` on, as many at a time as there are entries for.
void RangedDecoder::runAll(int64_t stage, int64_t position, int64_t count) {
  for (int64_t end = position + count; position < end;) {
    Entry entry = stepFor(end - position);
    run(stage, position, entry);
    position += stepRows(entry);
  }
}

void RangedDecoder::append(const int32_t *column, int64_t stride, int64_t count) {
  for (int64_t b = 0; b < sequences; ++b) {
    std::vector<int32_t> &all = ids[size_t(b)];
    std::vector<int64_t> &begins = documents[size_t(b)];
    for (int64_t t = 0; t < count; ++t) {
      bool begin = all.empty() || all.back() == model.info().documentEnd;
      begins.push_back(begin ? int64_t(all.size()) : begins.back());
      all.push_back(column[b * stride + t]);
    }
  }
}

std::vector<float> RangedDecoder::feedForEntropies(const int32_t *column, int64_t count) {
  std::vector<float> found;
  struct Scope { // also where `feed` throws
    std::vector<float> *&kept;
    ~Scope() { kept = nullptr; }
  } scope{entropies};
  entropies = &found;
  feed(column, count);
  return found;
}

// Closes each patch whose last byte is among the newest ones.
void RangedDecoder::cutPatches(const int32_t *column, int64_t count) {
  std::vector<float> found = entropy ? entropy->feedForEntropies(column, count) : std::vector<float>();
  for (int64_t t = 0; t < count; ++t) {
    ended = ended || column[t] == model.info().documentEnd;
    if (!patcher->feed(column[t], entropy ? found[size_t(t)] : 0)) {
      continue;
    }
    closePatch(patcher->position());
  }
}

// The next patch begins at byte `end`; it sees the patches of its document alone.
void RangedDecoder::closePatch(int64_t end) {
  patches.push_back(end);
  patchDocuments.push_back(ended ? int64_t(patches.size()) - 1 : patchDocuments.back());
  ended = false;
}

int64_t RangedDecoder::advance(const int32_t *column, int64_t stride, int64_t count) {
  int64_t position = int64_t(ids[0].size()), lead = model.info().patchRule.lead;
  append(column, stride, count);
  if (!patcher) {
    runAll(0, position, count);
    return count;
  }
  int64_t before = position == 0 ? lead : 0; // what goes before the bytes
  runAll(byteStage, position + lead - before, before + count);
  int64_t closed = int64_t(patches.size()) - 1;
  cutPatches(column, count);
  runAll(patchStage, closed, int64_t(patches.size()) - 1 - closed);
  runAll(backStage, position, count);
  return count;
}

//===----------------------------------------------------------------------===//
// States on disk
//===----------------------------------------------------------------------===//

int64_t RangedDecoder::filledRows(const StateTensor &tensor) const {
  int64_t read = int64_t(ids[0].size());
  return tensor.perPatch ? int64_t(patches.size()) - 1 : std::min(tensor.positions.at(read), tensor.positions.at(stateSlots()));
}

// The entropy model's state stands in the same file.
static const std::string entropyPrefix = "entropy/";

void RangedDecoder::add(StateImage &image, const std::string &prefix) const {
  addStates(image, prefix);
  std::vector<int32_t> all;
  for (const std::vector<int32_t> &sequence : ids) {
    all.insert(all.end(), sequence.begin(), sequence.end());
  }
  image.add(prefix + "ids", {sequences, bytes}, std::move(all));
  if (patcher) {
    image.add(prefix + "patches", {int64_t(patches.size())}, {patches.begin(), patches.end()});
  }
  for (const auto &[key, note] : stateNotes(model, bytes)) {
    image.notes[prefix + key] = note;
  }
  if (entropy) {
    entropy->add(image, prefix + entropyPrefix);
  }
}

void RangedDecoder::save(const std::string &path) const {
  StateImage image;
  add(image, "");
  writeSafetensors(path, image.tensors, image.notes);
}

void RangedDecoder::load(const std::string &path) {
  SafetensorsFile file(path);
  int64_t length = openState(file, model, sequences, most);
  try {
    restore(file, "", length);
  } catch (...) {
    reset(); // half of it may be there
    throw;
  }
}

void RangedDecoder::restore(const SafetensorsFile &file, const std::string &prefix, int64_t length) {
  stateTensor(file, prefix + "ids", {sequences, length});
  std::vector<int32_t> all = file.integers(prefix + "ids");
  for (int32_t id : all) {
    if (id < 0 || id >= model.info().vocab) {
      throw foreignState(file, "holds the id " + std::to_string(id) + " of a vocabulary of " + std::to_string(model.info().vocab) +
                                   "; it is damaged");
    }
  }
  reset();
  append(all.data(), length, length);
  if (patcher) {
    restorePatches(file, prefix);
  }
  readStates(file, prefix);
  bytes = length;
  if (entropy) {
    std::string own = prefix + entropyPrefix;
    int64_t read = openState(file, entropy->model, sequences, most, own);
    if (read != length) {
      throw foreignState(file, "has " + std::to_string(read) + " bytes of " + std::to_string(length) + " for its entropy model; it is damaged");
    }
    entropy->restore(file, own, length);
  }
  if (patcher && length > 0) {
    float last = entropy ? entropyOf(entropy->logits().data, model.info().vocab) : 0;
    patcher->resume(length, patches.back(), ids[0].back(), last);
  }
}

// Where patches begin, and what follows from it.
void RangedDecoder::restorePatches(const SafetensorsFile &file, const std::string &prefix) {
  const TensorInfo *tensor = file.find(prefix + "patches");
  std::vector<int32_t> begins = tensor && tensor->shape.size() == 1 ? file.integers(prefix + "patches") : std::vector<int32_t>();
  auto length = int64_t(ids[0].size());
  bool rises = !begins.empty() && begins[0] == 0 && begins.back() <= length;
  for (size_t m = 1; m < begins.size(); ++m) {
    rises = rises && begins[m] > begins[m - 1];
  }
  if (!rises) {
    throw foreignState(file, "does not say where the patches of its " + std::to_string(length) + " bytes begin; it is damaged");
  }
  for (int64_t t = 0; t < length; ++t) {
    ended = ended || ids[0][size_t(t)] == model.info().documentEnd;
    if (patches.size() < begins.size() && begins[patches.size()] == t + 1) {
      closePatch(t + 1);
    }
  }
}

} // namespace mblm::rt
