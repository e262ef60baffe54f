// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Both sources are functions of (step, micro-batch) alone, which is what makes a resumed run equal to an uninterrupted
// one.
#include "runtime/Batches.h"

#include "runtime/Masking.h"
#include "runtime/Support/Error.h"

namespace mblm::rt {

namespace {

class RandomBatches final : public BatchSource {
public:
  RandomBatches(const Data &data, Range range, const ModelInfo &info, const TrainConfig &config)
      : data(data), range(range), info(info), config(config) {
    int64_t total;
    if (__builtin_mul_overflow(config.batch, rowLength(), &total) || total > (int64_t(1) << 40)) {
      throw Error(Exit::Resource, "batch " + std::to_string(config.batch) + " of " + std::to_string(config.length) +
                                      " bytes is more than can be held");
    }
    ids.resize(total);
    mask.resize(total);
  }

  Ids get(int64_t step, int64_t micro) override {
    for (int64_t row = 0; row < config.batch; ++row) {
      drawWindow(data, range, info, {config.seed, step, uint32_t(micro), uint32_t(row)}, config.length,
                 ids.data() + row * rowLength(), mask.data() + row * rowLength());
    }
    Ids drawn{config.batch, rowLength(), ids.data(), mask.data()};
    if (!info.isMasked()) {
      return drawn;
    }
    return masked.of(info, drawn, [&](int64_t row, int64_t t) {
      return drawsMask(info, config.seed, uint64_t(step) << 32 | uint64_t(t), uint32_t(micro), uint32_t(row));
    });
  }

  int64_t bytesPerStep() const override { return config.accumulate * config.batch * config.length; }

private:
  int64_t rowLength() const { return config.length + marksOf(info); }

  const Data &data;
  Range range;
  ModelInfo info;
  TrainConfig config;
  std::vector<int32_t> ids;
  std::vector<float> mask;
  MaskedIds masked;
};

class ReplayBatches final : public BatchSource {
public:
  ReplayBatches(const std::string &path, int64_t steps, const TrainConfig &config)
      : accumulate(config.accumulate), recorded(readBatches(path)) {
    int64_t needed;
    if (__builtin_mul_overflow(steps, accumulate, &needed) || recorded.count < needed) {
      throw Error(Exit::BadInput, "'" + path + "': tensor 'ids' holds " + std::to_string(recorded.count) +
                                      " micro-batches, but " + std::to_string(steps) + " steps with accumulate " +
                                      std::to_string(accumulate) + " need " + std::to_string(needed));
    }
  }

  Ids get(int64_t step, int64_t micro) override {
    return recorded.sequences((step * accumulate + micro) * recorded.batch, recorded.batch);
  }

  int64_t bytesPerStep() const override { return accumulate * recorded.batch * recorded.length; }

private:
  int64_t accumulate;
  RecordedBatches recorded;
};

} // namespace

RecordedBatches readBatches(const std::string &path) {
  SafetensorsFile file(path);
  const TensorInfo &tensor = file.get("ids");
  if (tensor.shape.size() != 3) {
    throw Error(Exit::BadInput, "'" + path + "': tensor 'ids' has shape " + shapeText(tensor.shape) +
                                    ", expected [steps * accumulate, batch, length]");
  }
  RecordedBatches recorded;
  recorded.count = tensor.shape[0];
  recorded.batch = tensor.shape[1];
  recorded.length = tensor.shape[2];
  recorded.ids = file.integers("ids");
  if (const TensorInfo *weights = file.find("loss_mask")) {
    if (weights->shape != tensor.shape) {
      throw Error(Exit::BadInput, "'" + path + "': tensor 'loss_mask' has shape " + shapeText(weights->shape) +
                                      ", expected that of 'ids', " + shapeText(tensor.shape));
    }
    recorded.mask = file.floats("loss_mask");
  }
  if (const TensorInfo *lengths = file.find("patch_lengths")) {
    if (lengths->shape.size() != 3 || lengths->shape[0] != recorded.count || lengths->shape[1] != recorded.batch) {
      throw Error(Exit::BadInput, "'" + path + "': tensor 'patch_lengths' has shape " + shapeText(lengths->shape) + ", expected [" +
                                      std::to_string(recorded.count) + ", " + std::to_string(recorded.batch) + ", patches]");
    }
    recorded.patches = lengths->shape[2];
    recorded.lengths = file.integers("patch_lengths");
  }
  if (const TensorInfo *targets = file.find("targets")) {
    if (targets->shape != tensor.shape) {
      throw Error(Exit::BadInput, "'" + path + "': tensor 'targets' has shape " + shapeText(targets->shape) +
                                      ", expected that of 'ids', " + shapeText(tensor.shape));
    }
    recorded.targets = file.integers("targets");
  }
  if (const TensorInfo *visible = file.find("attention_mask")) {
    if (visible->shape != tensor.shape) {
      throw Error(Exit::BadInput, "'" + path + "': tensor 'attention_mask' has shape " + shapeText(visible->shape) +
                                      ", expected that of 'ids', " + shapeText(tensor.shape));
    }
    recorded.visible = file.integers("attention_mask");
  }
  return recorded;
}

std::unique_ptr<BatchSource> randomBatches(const Data &data, Range range, const ModelInfo &info,
                                           const TrainConfig &config) {
  return std::make_unique<RandomBatches>(data, range, info, config);
}

std::unique_ptr<BatchSource> replayBatches(const std::string &path, int64_t steps, const TrainConfig &config) {
  return std::make_unique<ReplayBatches>(path, steps, config);
}

} // namespace mblm::rt
