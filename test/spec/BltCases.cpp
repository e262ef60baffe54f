// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/spec/BltCases.h"

#include "test/spec/Temporary.h"

#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace mblm::spec {

static std::string folder(const std::string &name) { return "test/golden/blt/" + name + "/"; }

static Json readJson(const std::string &path) {
  std::ifstream stream(path);
  return Json::parse(stream);
}

std::string bltConfig(const std::string &name) {
  Json config = readJson(folder(name) + "config.json"), description = readJson(folder(name) + "case.json");
  if (description.contains("ngram_tables")) {
    config["ngram_tables"] = description["ngram_tables"];
  }
  return config.dump(1);
}

std::string generationEntropyConfig() {
  return readJson(folder("d16_generate") + "case.json")["entropy_config"].dump(1);
}

Spec importText(const std::string &format, const std::string &text, std::vector<std::string> *notes) {
  Temporary file(text);
  return importConfig(format, file.path, nullptr, notes);
}

Spec bltSpec(const std::string &name) {
  std::string text = bltConfig(name);
  return importText(text.find("\"dim_global\"") == std::string::npos ? "blt-entropy" : "blt", text);
}

std::string tensorLine(const std::string &name, const std::vector<int64_t> &shape) {
  std::string text = name + " [";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

std::set<std::string> bltTensors(const std::string &name, const std::string &prefix) {
  std::ifstream stream(folder(name) + "weights.safetensors", std::ios::binary);
  uint64_t size = 0;
  stream.read(reinterpret_cast<char *>(&size), sizeof size);
  std::string header(size, ' ');
  stream.read(header.data(), std::streamsize(size));
  std::set<std::string> lines;
  const Json tensors = Json::parse(header);
  for (const auto &[tensor, facts] : tensors.items()) {
    if (tensor != "__metadata__" && tensor.compare(0, prefix.size(), prefix) == 0) {
      lines.insert(tensorLine(tensor.substr(prefix.size()), facts["shape"].get<std::vector<int64_t>>()));
    }
  }
  return lines;
}

} // namespace mblm::spec
