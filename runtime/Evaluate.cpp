// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models without a start token predict nothing for a window's first byte: their windows overlap by that one byte.
#include "runtime/Evaluate.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <cmath>

namespace mblm::rt {

double EvalResult::bitsPerByte() const { return bytes > 0 ? nats / double(bytes) / std::log(2.0) : 0; }
double EvalResult::wordPerplexity() const { return words > 0 ? std::exp(nats / double(words)) : 0; }

static bool isSpace(int32_t id) { return id == ' ' || (id >= '\t' && id <= '\r'); }

EvalResult evaluate(Model &model, const Data &data, Range range, const EvalOptions &options) {
  const ModelInfo &info = model.info();
  if (options.maxBytes > 0) {
    range.end = std::min(range.end, range.begin + options.maxBytes);
  }
  int64_t overlap = info.startToken ? 0 : 1;
  if (range.size() <= overlap) {
    throw Error(Exit::BadInput, "evaluation needs at least " + std::to_string(overlap + 1) + " bytes, got " +
                                    std::to_string(range.size()));
  }
  int64_t window = options.window > 0 ? options.window : std::max<int64_t>(info.maxLength, 2);
  window = std::max(std::min(window, range.size()), overlap + 1);

  EvalResult result;
  bool inWord = false;
  std::vector<int32_t> ids;
  for (int64_t at = range.begin; at + overlap < range.end;) {
    // As many whole windows as fit into a batch; the rest of the range goes alone.
    int64_t length = std::min(window, range.end - at);
    int64_t stride = length - overlap;
    int64_t batch = std::clamp<int64_t>((range.end - at - overlap) / stride, 1, std::max<int64_t>(1, options.batch));
    ids.resize(batch * length);
    for (int64_t b = 0; b < batch; ++b) {
      int32_t *row = ids.data() + b * length;
      data.readIds(at + b * stride, row, length, info);
      bool first = at == range.begin && b == 0;
      for (int64_t i = first ? 0 : overlap; i < length; ++i) {
        result.bytes += i >= overlap && !(info.pad && row[i] == *info.pad);
        result.words += !isSpace(row[i]) && !inWord;
        inWord = !isSpace(row[i]);
      }
    }
    Call::Scalars scalars = model.loss({batch, length, ids.data(), nullptr});
    if (!std::isfinite(scalars.sum)) {
      throw Error(Exit::Numerics, "the loss of the window at " + data.place(at) + " is not finite");
    }
    result.nats += scalars.sum;
    at += batch * stride;
  }
  return result;
}

} // namespace mblm::rt
