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
      entropy = makeDecoder(model.entropyModel(), 1, capacity);
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
  call.slots = model.slotsFor(most) + model.info().patchRule.lead;
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

static void refusePatches(const ModelInfo &info) {
  if (info.patched) {
    throw Error(Exit::BadInput, "model '" + info.name + "' decides its patches by the data: its state is not kept on disk; read the "
                                                        "prompt again");
  }
}

int64_t RangedDecoder::filledRows(const StateTensor &tensor) const {
  return std::min(int64_t(ids[0].size()), tensor.positions.at(model.slotsFor(most)));
}

void RangedDecoder::save(const std::string &path) const {
  refusePatches(model.info());
  std::vector<TensorView> tensors;
  std::vector<std::vector<float>> copies = copyStates(tensors);
  std::vector<int32_t> all;
  for (const std::vector<int32_t> &sequence : ids) {
    all.insert(all.end(), sequence.begin(), sequence.end());
  }
  tensors.push_back({"logits", {sequences, model.info().vocab}, output.data(), DType::F32});
  tensors.push_back({"ids", {sequences, bytes}, all.data(), DType::I32});
  writeSafetensors(path, tensors, stateNotes(model, bytes));
}

void RangedDecoder::load(const std::string &path) {
  refusePatches(model.info());
  SafetensorsFile file(path);
  int64_t length = openState(file, model, sequences, most);
  stateTensor(file, "ids", {sequences, length});
  std::vector<int32_t> all = file.integers("ids");
  reset();
  for (int64_t b = 0; b < sequences; ++b) {
    ids[size_t(b)].assign(all.begin() + b * length, all.begin() + (b + 1) * length);
    for (int64_t t = 0; t < length; ++t) {
      documents[size_t(b)] = all[size_t(b * length + t)] == model.info().documentEnd ? t + 1 : documents[size_t(b)];
    }
  }
  try {
    readStates(file);
    file.readFloats(stateTensor(file, "logits", {sequences, model.info().vocab}), output.data());
  } catch (...) {
    reset(); // half of it may be there
    throw;
  }
  bytes = length;
}

} // namespace mblm::rt
