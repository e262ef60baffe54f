// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Decoder.h"

#include "runtime/RangedDecoder.h"
#include "runtime/StageDecoder.h"
#include "runtime/StateFile.h"
#include "runtime/Support/Error.h"
#include "runtime/WholeDecoder.h"

namespace mblm::rt {

Decoder::Decoder(Model &model, int64_t batch, int64_t capacity) : model(model), sequences(batch), most(capacity) {
  if (batch < 1 || capacity < 1) {
    throw Error(Exit::BadInput, "expected at least one sequence of at least one byte, got " + shapeText({batch, capacity}));
  }
  output = Buffer(batch * model.info().vocab, "logits");
}

void Decoder::openStates() {
  const ModelInfo &info = model.info();
  int64_t slots = model.slotsFor(most);
  const std::vector<StateTensor> &states = model.getProgram().states();
  if (states.empty()) {
    throw Error(Exit::BadInput, "model '" + info.name + "' was compiled without steps; compile the spec again with them");
  }
  std::string what = "what the model remembers of " + std::to_string(sequences) + " sequences of " + std::to_string(most) + " bytes";
  state = Buffer(stateFloats(states, sequences, slots + info.patchRule.lead), what);
}

Decoder::~Decoder() { model.getProgram().forget(state.data()); }

Rows Decoder::feed(const int32_t *ids, int64_t count) {
  if (count < 1 || count > most - bytes) {
    throw Error(Exit::BadInput, "expected 1 to " + std::to_string(most - bytes) + " bytes behind the " + std::to_string(bytes) +
                                    " that are there, got " + std::to_string(count));
  }
  model.checkIds({sequences, count, ids, nullptr});
  for (int64_t at = 0; at < count;) {
    at += advance(ids + at, count, count - at);
  }
  bytes += count;
  return logits();
}

Rows Decoder::logits() {
  return bytes == 0 ? model.empty(sequences) : Rows{output.data(), sequences, 1, model.info().vocab};
}

float *Decoder::rowsOf(const StateTensor &tensor, int64_t sequence) const {
  model.getProgram().hostAccess(state.data());
  int64_t slots = model.slotsFor(most), offset = tensor.offset.at({sequences, slots}, tensor.name);
  return state.data() + offset + sequence * tensor.positions.at(slots) * tensor.width;
}

std::vector<std::vector<float>> Decoder::copyStates(std::vector<TensorView> &tensors) const {
  std::vector<std::vector<float>> copies;
  for (const StateTensor &tensor : model.getProgram().states()) {
    int64_t floats = filledRows(tensor) * tensor.width;
    std::vector<float> &copy = copies.emplace_back(sequences * floats);
    for (int64_t b = 0; b < sequences; ++b) {
      std::copy_n(rowsOf(tensor, b), floats, copy.data() + b * floats);
    }
    tensors.push_back({tensor.name, {sequences, filledRows(tensor), tensor.width}, copy.data(), DType::F32});
  }
  return copies;
}

void Decoder::readStates(const SafetensorsFile &file) {
  for (const StateTensor &tensor : model.getProgram().states()) {
    int64_t floats = filledRows(tensor) * tensor.width;
    stateTensor(file, tensor.name, {sequences, filledRows(tensor), tensor.width});
    std::vector<float> values = file.floats(tensor.name);
    for (int64_t b = 0; b < sequences; ++b) {
      std::copy_n(values.data() + b * floats, floats, rowsOf(tensor, b));
    }
  }
}

int64_t Decoder::savedLength(const std::string &path) { return stateLength(SafetensorsFile(path)); }

void requireSteps(const ModelInfo &info) {
  if (info.isWhole()) {
    throw Error(Exit::BadInput, "model '" + info.name + "' reads sequences whole and has no steps; expected one without " +
                                    (info.isMasked() ? "mask_token" : "a prefix"));
  }
}

std::unique_ptr<Decoder> makeDecoder(Model &model, int64_t batch, int64_t capacity) {
  const ModelInfo &info = model.info();
  if (info.isMasked()) {
    throw Error(Exit::BadInput, "model '" + info.name + "' predicts masked bytes from both sides and continues no text; expected a causal model");
  }
  if (info.isWhole()) {
    return std::make_unique<WholeDecoder>(model, batch, capacity);
  }
  const StepInputs &inputs = model.getProgram().stepInputs(0);
  if (inputs.ranges.empty()) {
    return std::make_unique<StageDecoder>(model, batch, capacity);
  }
  return std::make_unique<RangedDecoder>(model, batch, capacity);
}

} // namespace mblm::rt
