// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/StateFile.h"

#include "runtime/Support/Hash.h"

namespace mblm::rt {

static const std::string formatName = "mblm-state", formatVersion = "1";

static uint64_t weightsHash(Model &model) {
  return hash64(model.flat(Flat::Params), size_t(model.info().parameterElements) * sizeof(float));
}

static std::string specHash(const Model &model) {
  const std::string &text = model.info().spec;
  return hexText(hash64(text.data(), text.size()));
}

std::map<std::string, std::string> stateNotes(Model &model, int64_t bytes) {
  return {{"format", formatName}, {"version", formatVersion}, {"model", model.info().name}, {"spec", specHash(model)},
          {"weights", hexText(weightsHash(model))}, {"bytes", std::to_string(bytes)}};
}

static std::string noteOf(const SafetensorsFile &file, const std::string &key) {
  auto found = file.metadata().find(key);
  return found == file.metadata().end() ? "" : found->second;
}

Error foreignState(const SafetensorsFile &file, const std::string &why) {
  return Error(Exit::Integrity, "state '" + file.path() + "' " + why);
}

int64_t stateLength(const SafetensorsFile &file, const std::string &prefix) {
  if (noteOf(file, prefix + "format") != formatName || noteOf(file, prefix + "version") != formatVersion) {
    throw foreignState(file, "is no state of version " + formatVersion + ", but of format '" + noteOf(file, prefix + "format") + "' and version '" +
                                 noteOf(file, prefix + "version") + "'; read the prompt again");
  }
  std::string text = noteOf(file, prefix + "bytes");
  if (text.empty() || text.size() > 15 || text.find_first_not_of("0123456789") != std::string::npos) {
    throw foreignState(file, "holds no number of bytes; it is damaged");
  }
  return std::stoll(text);
}

int64_t openState(const SafetensorsFile &file, Model &model, int64_t sequences, int64_t capacity, const std::string &prefix) {
  int64_t length = stateLength(file, prefix);
  if (noteOf(file, prefix + "spec") != specHash(model)) {
    throw foreignState(file, "belongs to another spec (model '" + noteOf(file, prefix + "model") + "', this is '" + model.info().name +
                                 "'); read the prompt again");
  }
  if (noteOf(file, prefix + "weights") != hexText(weightsHash(model))) {
    throw foreignState(file, "was made with other weights; read the prompt again");
  }
  const TensorInfo *logits = file.find(prefix + "logits");
  int64_t batch = logits && logits->shape.size() == 2 ? logits->shape[0] : 0;
  if (batch != sequences || length > capacity) {
    throw Error(Exit::BadInput, "state '" + file.path() + "' holds " + std::to_string(batch) + " sequences of " + std::to_string(length) +
                                    " bytes; expected " + std::to_string(sequences) + " of at most " + std::to_string(capacity));
  }
  return length;
}

const TensorInfo &stateTensor(const SafetensorsFile &file, const std::string &name, const std::vector<int64_t> &shape) {
  const TensorInfo *tensor = file.find(name);
  if (!tensor || tensor->shape != shape) {
    throw foreignState(file, "should have a tensor '" + name + "' of shape " + shapeText(shape) + ", but has " +
                                 (tensor ? shapeText(tensor->shape) : "none") + "; it is damaged");
  }
  return *tensor;
}

} // namespace mblm::rt
