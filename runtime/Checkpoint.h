// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Training state on disk, such that a crash at any moment leaves a whole checkpoint behind:
//   DIR/checkpoint-STEP/{weights.safetensors, optimizer.safetensors, state.json, MANIFEST.json}
// The folder is written under another name and renamed when all of it is durable; MANIFEST.json has each file's size
// and hash.
#pragma once

#include "runtime/Model.h"

#include <functional>
#include <optional>

namespace mblm::rt {

struct TrainState {
  int64_t step = 0; // updates done
  uint64_t seed = 0;
  std::string specHash; // of the model description, whatever its layout
  std::string config;   // TrainConfig as JSON text
};

std::string specHash(const ModelInfo &info);

class CheckpointStore {
public:
  using Warn = std::function<void(const std::string &)>;
  explicit CheckpointStore(const std::string &folder) : folder(folder) {}

  // Steps of the checkpoints that are there, whole or not; ascending.
  std::vector<int64_t> steps() const;

  // Writes one and removes all but it and the one before it of this run. On failure the earlier ones stay as they were.
  void save(Model &model, const TrainState &state);

  // Loads the newest whole one; damaged ones are passed over with a warning. Nothing there: nullopt. Error(Integrity)
  // when there are some and none is whole, Error(BadInput) when it belongs to another model.
  std::optional<TrainState> load(Model &model, const Warn &warn);

  std::string path(int64_t step) const;

private:
  void removeOthers(int64_t step);

  std::string folder;
  int64_t previous = -1; // saved or loaded last by this run
};

} // namespace mblm::rt
