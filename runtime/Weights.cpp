// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The comparison is by names and shapes only; values are looked at when they are loaded.
#include "runtime/Weights.h"

#include <set>

namespace mblm::rt {

bool isIgnorable(const ModelInfo &info, const std::string &name) {
  for (const std::string &pattern : info.ignorable) {
    bool suffix = !pattern.empty() && pattern[0] == '*';
    size_t length = pattern.size() - suffix;
    if (suffix ? name.size() >= length && name.compare(name.size() - length, length, pattern, 1, length) == 0
               : name == pattern) {
      return true;
    }
  }
  return false;
}

// Mamba-1 has a decay for each feature and state, [E, N], Mamba-2 one for each head, [H].
static std::string otherMamba(const Parameter &p, const std::vector<int64_t> &shape) {
  const std::string suffix = ".A_log";
  bool isDecay =
      p.name.size() > suffix.size() && p.name.compare(p.name.size() - suffix.size(), suffix.size(), suffix) == 0;
  if (!isDecay || shape.size() == p.shape.size()) {
    return "";
  }
  return shape.size() == 2 ? "the weights are of Mamba-1 layers, the model has Mamba-2"
                           : "the weights are of Mamba-2 layers, the model has Mamba-1";
}

WeightsReport compareWeights(const ModelInfo &info, const SafetensorsFile &file, const std::string &prefix) {
  return compareWeights(info, file.tensors(), prefix);
}

WeightsReport compareWeights(const ModelInfo &info, const std::vector<TensorInfo> &tensors, const std::string &prefix) {
  WeightsReport report;
  std::map<std::string, const TensorInfo *> given;
  for (const TensorInfo &tensor : tensors) {
    given[tensor.name] = &tensor;
  }
  std::set<std::string> known;
  for (const Parameter &p : info.parameters) {
    known.insert(prefix + p.name);
    auto found = given.find(prefix + p.name);
    const TensorInfo *tensor = found == given.end() ? nullptr : found->second;
    if (!tensor) {
      report.missing.push_back(p.name + " " + shapeText(p.shape));
    } else if (tensor->shape != p.shape) {
      report.wronglyShaped.push_back(p.name + " " + shapeText(tensor->shape) + ", model has " + shapeText(p.shape));
      report.reason = report.reason.empty() ? otherMamba(p, tensor->shape) : report.reason;
    } else {
      report.mapped.push_back(p.name);
    }
  }
  for (const TensorInfo &tensor : tensors) {
    if (!known.count(tensor.name)) {
      bool ignorable = isIgnorable(info, tensor.name);
      (ignorable ? report.ignored : report.extra)
          .push_back(ignorable ? tensor.name : tensor.name + " " + shapeText(tensor.shape));
    }
  }
  return report;
}

static std::string part(const std::vector<std::string> &names, const char *what) {
  if (names.empty()) {
    return "";
  }
  static constexpr size_t shown = 8;
  std::string text = ", " + std::to_string(names.size()) + " " + what + " (";
  for (size_t i = 0; i < names.size() && i < shown; ++i) {
    text += (i ? "; " : "") + names[i];
  }
  return text + (names.size() > shown ? "; and " + std::to_string(names.size() - shown) + " more)" : ")");
}

std::string WeightsReport::line() const {
  return std::to_string(mapped.size()) + " mapped" + part(missing, "missing") + part(extra, "extra") +
         part(wronglyShaped, "wrongly shaped") + part(ignored, "ignored") + (reason.empty() ? "" : "; " + reason);
}

} // namespace mblm::rt
