// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/WholeDecoder.h"

#include "runtime/Support/Error.h"

#include <algorithm>

namespace mblm::rt {

void WholeDecoder::reset() {
  bytes = 0;
  ids.assign(size_t(sequences), {});
}

int64_t WholeDecoder::advance(const int32_t *more, int64_t stride, int64_t count) {
  const ModelInfo &info = model.info();
  int64_t length = bytes + count, kept = model.longest() > 0 ? std::min(length, model.longest()) : length;
  if (length <= info.prefix) {
    throw Error(Exit::BadInput, "model '" + info.name + "' predicts bytes behind a prefix of " + std::to_string(info.prefix) +
                                    ": expected a prompt of at least " + std::to_string(info.prefix + 1) + " bytes, got " +
                                    std::to_string(length));
  }
  std::vector<int32_t> window;
  for (int64_t b = 0; b < sequences; ++b) {
    std::vector<int32_t> &own = ids[size_t(b)];
    own.insert(own.end(), more + b * stride, more + b * stride + count);
    window.insert(window.end(), own.end() - kept, own.end());
  }
  Rows rows = model.forward({sequences, kept, window.data()});
  for (int64_t b = 0; b < sequences; ++b) {
    std::copy_n(rows.data + ((b + 1) * rows.rows - 1) * rows.width, rows.width, output.data() + b * rows.width);
  }
  return count;
}

void WholeDecoder::refuseState(const std::string &path) const {
  throw Error(Exit::BadInput, "'" + path + "': model '" + model.info().name +
                                  "' remembers nothing but the text, so it has no state; expected the text as a prompt");
}

void WholeDecoder::save(const std::string &path) const { refuseState(path); }

void WholeDecoder::load(const std::string &path) { refuseState(path); }

} // namespace mblm::rt
