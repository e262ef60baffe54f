// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models whose attention goes by ranges: knows where documents and patches begin, and tells each step what it reads. A byte costs a step
// of the bytes' stages; a patch costs one of the patches' stage when its last byte is known. Of a long text all bytes go towards the
// patches first, then all patches, then all bytes to the logits, many positions at a time.
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

  // Of one sequence: how uncertain each next id is, in nats, while `feed` appends these.
  std::vector<float> feedForEntropies(const int32_t *ids, int64_t count);

private:
  // Numbers of stages; without patches all is stage 0.
  static constexpr int64_t patchStage = 0, byteStage = 1, backStage = 2;

  int64_t advance(const int32_t *ids, int64_t stride, int64_t count) override;
  void append(const int32_t *ids, int64_t stride, int64_t count);
  void cutPatches(const int32_t *ids, int64_t count);
  void closePatch(int64_t end);
  void runAll(int64_t stage, int64_t position, int64_t count);
  void run(int64_t stage, int64_t position, int64_t rows);
  void add(StateImage &image, const std::string &prefix) const;
  void restore(const SafetensorsFile &file, const std::string &prefix, int64_t length);
  void restorePatches(const SafetensorsFile &file, const std::string &prefix);
  // What rule `rule` says of vector `vector` of the step at `position`, of sequence b.
  std::pair<int64_t, int64_t> range(const RangeRule &rule, int64_t b, int64_t stage, int64_t position, int64_t vector) const;
  int64_t filledRows(const StateTensor &tensor) const override;

  std::optional<Patcher> patcher;         // where the data decides the patches
  std::unique_ptr<RangedDecoder> entropy; // what it asks for, of the model of entropies
  std::vector<float> *entropies = nullptr; // where to put those of each position, while somebody asks for them
  std::vector<std::vector<int32_t>> ids;       // of each sequence so far
  std::vector<std::vector<int64_t>> documents; // where the document of each of its bytes begins
  std::vector<int64_t> patches;                // where the patches begin, the open one last
  std::vector<int64_t> patchDocuments;         // the first patch of the document of each
  bool ended = false;                          // the open patch holds a document's end
  std::vector<int32_t> callIds, callRanges;
  Buffer manyOutputs; // of prefills
};

} // namespace mblm::rt
