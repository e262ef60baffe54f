// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models whose attention goes by ranges: knows where documents and patches begin, and tells each step what it reads. A byte costs a step
// of the bytes' stages; a patch costs one of the patches' stage when its last byte is known.
#pragma once

#include "runtime/Decoder.h"
#include "runtime/Patches.h"

namespace mblm::rt {

class RangedDecoder final : public Decoder {
public:
  RangedDecoder(Model &model, int64_t batch, int64_t capacity);
  void reset() override;
  void save(const std::string &path) const override;
  void load(const std::string &path) override;

private:
  // Numbers of stages; without patches all is stage 0.
  static constexpr int64_t patchStage = 0, byteStage = 1, backStage = 2;

  int64_t advance(const int32_t *ids, int64_t stride, int64_t count) override;
  void take(const int32_t *ids, int64_t stride);
  void closePatch();
  void add(StateImage &image, const std::string &prefix) const;
  void restore(const SafetensorsFile &file, const std::string &prefix, int64_t length);
  void restorePatches(const SafetensorsFile &file, const std::string &prefix);
  void run(int64_t stage, int64_t position);
  // What rule `rule` says of vector `vector` of the step at `position`, of sequence b.
  std::pair<int64_t, int64_t> range(const RangeRule &rule, int64_t b, int64_t stage, int64_t position, int64_t vector) const;
  int64_t filledRows(const StateTensor &tensor) const override;

  bool opensBehind(int32_t id);

  std::optional<Patcher> patcher;   // where the data decides the patches
  std::unique_ptr<RangedDecoder> entropy; // what it asks for, of the model of entropies
  std::vector<std::vector<int32_t>> ids;        // of each sequence so far
  std::vector<int64_t> documents;               // where each sequence's newest document begins
  std::vector<int64_t> patches;                 // where the patches begin, the open one last
  int64_t patchDocument = 0;                    // the first patch of the newest document
  bool ended = false;                           // the open patch holds a document's end
  std::vector<int32_t> callIds, callRanges;
};

} // namespace mblm::rt
