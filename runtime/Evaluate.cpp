// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models without a start token predict nothing for a window's first byte, and those with a prefix for more of them: their windows overlap
// by these bytes. Masked models are asked for bytes that are drawn by their places in the data.
#include "runtime/Evaluate.h"

#include "runtime/Generate.h"
#include "runtime/Masking.h"
#include "runtime/Support/Error.h"
#include "runtime/Tokenizer.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace mblm::rt {

double EvalResult::bitsPerByte() const { return bytes > 0 ? nats / double(bytes) / std::log(2.0) : 0; }
double EvalResult::wordPerplexity() const { return words > 0 ? std::exp(nats / double(words)) : 0; }

static bool isSpace(int32_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

namespace {
// Windows of equal length that go through the model together.
struct WindowBatch {
  int64_t at = 0; // where the first one begins in the data
  int64_t batch = 0, length = 0; // marks before the bytes included
  int64_t stride = 0; // from a window's beginning to the next one's
  const int32_t *ids = nullptr;
  const int32_t *row(int64_t b) const { return ids + b * length; }
};
} // namespace

// Nothing predicts the first byte of a window without a start token or mark.
static int64_t overlapOf(const ModelInfo &info) { return marksOf(info) > 0 ? 0 : info.firstTarget(); }

static void forEachBatch(const ModelInfo &info, const Data &data, Range range, const EvalOptions &options,
                         const std::function<void(const WindowBatch &)> &visit) {
  if (options.maxBytes > 0) {
    range.end = std::min(range.end, range.begin + options.maxBytes);
  }
  int64_t overlap = overlapOf(info);
  if (range.size() <= overlap) {
    throw Error(Exit::BadInput, "evaluation needs at least " + std::to_string(overlap + 1) + " bytes, got " +
                                    std::to_string(range.size()));
  }
  int64_t window = options.window > 0 ? options.window : std::max<int64_t>(info.maxLength, 2);
  window = std::max(std::min(window, range.size()), overlap + 1);

  std::vector<int32_t> ids;
  for (int64_t at = range.begin; at + overlap < range.end;) {
    // As many whole windows as fit into a batch; the rest of the range goes alone.
    int64_t length = std::min(window, range.end - at);
    int64_t stride = length - overlap;
    int64_t batch = std::clamp<int64_t>((range.end - at - overlap) / stride, 1, std::max<int64_t>(1, options.batch));
    int64_t marks = marksOf(info), row = length + marks;
    ids.assign(batch * row, beginId);
    for (int64_t b = 0; b < batch; ++b) {
      data.readIds(at + b * stride, ids.data() + b * row + marks, length, info);
    }
    visit({at, batch, row, stride, ids.data()});
    at += batch * stride;
  }
}

static void add(EvalResult &result, const Call::Scalars &scalars, const Data &data, int64_t at) {
  if (!std::isfinite(scalars.sum)) {
    throw Error(Exit::Numerics, "the loss of the window at " + data.place(at) + " is not finite");
  }
  result.nats += scalars.sum;
}

static EvalResult evaluateMasked(Model &model, const Data &data, Range range, const EvalOptions &options) {
  EvalResult result;
  MaskedIds masked;
  forEachBatch(model.info(), data, range, options, [&](const WindowBatch &windows) {
    Ids ids = masked.of(model.info(), {windows.batch, windows.length, windows.ids}, [&](int64_t row, int64_t t) {
      return drawsMask(model.info(), /*seed=*/0, uint64_t(windows.at + row * windows.stride + t), 0, 0);
    });
    result.bytes += masked.count();
    add(result, model.loss(ids), data, windows.at);
  });
  return result;
}

EvalResult evaluate(Model &model, const Data &data, Range range, const EvalOptions &options) {
  const ModelInfo &info = model.info();
  if (info.isMasked()) {
    return evaluateMasked(model, data, range, options);
  }
  int64_t overlap = overlapOf(info), marks = marksOf(info);
  EvalResult result;
  bool inWord = false;
  forEachBatch(info, data, range, options, [&](const WindowBatch &windows) {
    for (int64_t b = 0; b < windows.batch; ++b) {
      const int32_t *row = windows.row(b);
      bool first = windows.at == range.begin && b == 0;
      for (int64_t i = marks + (first ? 0 : overlap); i < windows.length; ++i) {
        result.bytes += i >= overlap && !(info.pad && row[i] == *info.pad);
        bool space = isSpace(row[i] - info.firstByte);
        result.words += !space && !inWord;
        inWord = !space;
      }
    }
    add(result, model.loss({windows.batch, windows.length, windows.ids}), data, windows.at);
  });
  return result;
}

namespace {
// Guesses of one model, counted.
class Guesses {
public:
  explicit Guesses(Model &model) : model(model), info(model.info()) {
    if (info.isMasked()) {
      throw Error(Exit::BadInput, "model '" + info.name + "' is asked for masked bytes alone; expected --metric bpb");
    }
  }

  void add(const Ids &ids) {
    std::vector<int64_t> targets; // indices into the ids
    for (int64_t i = 0; i < ids.batch * ids.length; ++i) {
      bool pad = info.pad && ids.ids[i] == *info.pad;
      if (!pad && i % ids.length >= std::max(overlapOf(info), marksOf(info)) && (!ids.mask || ids.mask[i] != 0)) {
        targets.push_back(i);
      }
    }
    if (targets.empty()) {
      return;
    }
    if (info.startToken && !first) { // before `forward`: the results share their room
      first = greedy(model.empty().data, 0);
    }
    Rows rows = model.forward({ids.batch, ids.length, ids.ids, nullptr});
    for (int64_t i : targets) {
      int64_t position = i % ids.length, row = i / ids.length * rows.rows + position - 1 - info.prefix;
      int32_t guess = position == 0 ? *first : greedy(rows.data + row * rows.width, position);
      counted.hits += guess == ids.ids[i];
    }
    counted.targets += int64_t(targets.size());
  }

  Accuracy counted;

private:
  int32_t greedy(const float *logits, int64_t position) {
    return sampleId(logits, info.vocab, {/*temperature=*/0}, uint64_t(position));
  }

  Model &model;
  const ModelInfo &info;
  std::optional<int32_t> first; // of any sequence: nothing stands before it
};
} // namespace

Accuracy accuracy(Model &model, const Data &data, Range range, const EvalOptions &options) {
  Guesses guesses(model);
  forEachBatch(model.info(), data, range, options, [&](const WindowBatch &windows) {
    guesses.add({windows.batch, windows.length, windows.ids, nullptr});
  });
  return guesses.counted;
}

Accuracy accuracy(Model &model, const RecordedBatches &batches, const EvalOptions &options) {
  Guesses guesses(model);
  int64_t sequences = batches.count * batches.batch;
  for (int64_t at = 0; at < sequences; at += options.batch) {
    guesses.add(batches.sequences(at, std::min(options.batch, sequences - at)));
  }
  return guesses.counted;
}

} // namespace mblm::rt
