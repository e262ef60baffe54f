// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/RangedDecoder.h"

#include "runtime/StateFile.h"
#include "runtime/Support/Error.h"

#include <algorithm>

namespace mblm::rt {

RangedDecoder::RangedDecoder(Model &model, int64_t batch, int64_t capacity) : Decoder(model, batch, capacity) {
  if (model.info().patched) {
    if (batch != 1) {
      throw Error(Exit::BadInput, "model '" + model.info().name + "' decides its patches by the data: expected one sequence at a time, got " +
                                      std::to_string(batch));
    }
    if (model.info().patchRule.mode == PatchRule::Mode::Entropy) {
      entropy = std::make_unique<RangedDecoder>(model.entropyModel(), 1, capacity);
    }
  }
  reset();
}

void RangedDecoder::reset() {
  bytes = 0;
  ids.assign(sequences, {});
  documents.assign(sequences, 0);
  patches.assign(1, 0);
  patchDocument = 0;
  ended = false;
  if (model.info().patched) {
    patcher.emplace(model.info().patchRule);
  }
  if (entropy) {
    entropy->reset();
  }
}

// Whether the byte behind this one opens a patch.
bool RangedDecoder::opensBehind(int32_t id) {
  if (!entropy) {
    return patcher->feed(id);
  }
  Rows logits = entropy->feed(&id, 1);
  return patcher->feed(id, entropyOf(logits.data, logits.width));
}

// What goes before the bytes belongs to the first document and the first patch.
std::pair<int64_t, int64_t> RangedDecoder::range(const RangeRule &rule, int64_t b, int64_t stage, int64_t position, int64_t vector) const {
  int64_t lead = stage == backStage ? 0 : model.info().patchRule.lead;
  auto inStates = [&](int64_t byte) { return byte == 0 ? 0 : byte + lead; };
  auto windowed = [&](int64_t newest) { return rule.window > 0 ? std::max<int64_t>(0, newest - rule.window + 1) : 0; };
  if (rule.kind == "visible_bytes") {
    int64_t document = rule.end >= 0 ? inStates(documents[size_t(b)]) : 0;
    return {std::max(document, windowed(position)), position + 1};
  }
  if (rule.kind == "visible_patches") {
    return {rule.end >= 0 ? patchDocument : 0, position + 1};
  }
  int64_t newest = int64_t(patches.size()) - 2; // the last complete patch
  if (rule.kind == "patch_bytes") {
    return {inStates(patches[size_t(windowed(newest))]), inStates(patches[size_t(newest) + 1])};
  }
  if (rule.kind == "byte_patches") {
    return {rule.rows * windowed(newest), rule.rows * (newest + 1)};
  }
  throw Error(Exit::Integrity, "model '" + model.info().name + "' asks for ranges of kind '" + rule.kind +
                                   "', which this runtime does not know; compile the spec again");
}

void RangedDecoder::run(int64_t stage, int64_t position) {
  const StepInputs &inputs = model.getProgram().stepInputs(stage);
  callRanges.clear();
  for (const RangeRule &rule : inputs.ranges) {
    for (int64_t b = 0; b < sequences; ++b) {
      for (int64_t vector = 0; vector < rule.numbers / 2; ++vector) {
        auto [first, end] = range(rule, b, stage, position, vector);
        callRanges.push_back(int32_t(first));
        callRanges.push_back(int32_t(end));
      }
    }
  }
  callIds.assign(size_t(sequences * inputs.ids), 0);
  for (int64_t b = 0; b < sequences; ++b) { // the newest ids, zeros before the first
    const std::vector<int32_t> &all = ids[size_t(b)];
    int64_t there = std::min<int64_t>(inputs.ids, int64_t(all.size()));
    std::copy(all.end() - there, all.end(), callIds.begin() + (b + 1) * inputs.ids - there);
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
  call.output = output.data();
  model.getProgram().run(Entry::Step, call);
}

void RangedDecoder::closePatch() {
  patches.push_back(int64_t(ids[0].size()));
  run(patchStage, int64_t(patches.size()) - 2);
  if (ended) {
    patchDocument = int64_t(patches.size()) - 1;
    ended = false;
  }
}

void RangedDecoder::take(const int32_t *column, int64_t stride) {
  int64_t position = int64_t(ids[0].size()), lead = model.info().patchRule.lead;
  if (patcher && position == 0) { // what goes before the bytes
    for (int64_t t = 0; t < lead; ++t) {
      run(byteStage, t);
    }
  }
  for (int64_t b = 0; b < sequences; ++b) {
    ids[size_t(b)].push_back(column[b * stride]);
  }
  run(patcher ? byteStage : 0, position + lead);
  int64_t end = model.info().documentEnd;
  ended = ended || column[0] == end;
  if (patcher) {
    if (opensBehind(column[0])) {
      closePatch();
    }
    run(backStage, position);
  }
  for (int64_t b = 0; b < sequences; ++b) {
    documents[size_t(b)] = column[b * stride] == end ? position + 1 : documents[size_t(b)];
  }
}

int64_t RangedDecoder::advance(const int32_t *column, int64_t stride, int64_t) {
  take(column, stride);
  return 1;
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
  reset();
  for (int64_t b = 0; b < sequences; ++b) {
    ids[size_t(b)].assign(all.begin() + b * length, all.begin() + (b + 1) * length);
    for (int64_t t = 0; t < length; ++t) {
      int32_t id = all[size_t(b * length + t)];
      if (id < 0 || id >= model.info().vocab) {
        throw foreignState(file, "holds the id " + std::to_string(id) + " of a vocabulary of " + std::to_string(model.info().vocab) +
                                     "; it is damaged");
      }
      documents[size_t(b)] = id == model.info().documentEnd ? t + 1 : documents[size_t(b)];
    }
  }
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
  patches.assign(begins.begin(), begins.end());
  for (size_t m = 0, t = 0; m < patches.size(); ++m) {
    ended = false;
    for (auto end = m + 1 < patches.size() ? patches[m + 1] : length; int64_t(t) < end; ++t) {
      ended = ended || ids[0][t] == model.info().documentEnd;
    }
    patchDocument = ended && m + 1 < patches.size() ? int64_t(m) + 1 : patchDocument;
  }
}

} // namespace mblm::rt
