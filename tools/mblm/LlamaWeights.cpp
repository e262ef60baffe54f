// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors change their names first; then they are compared as any weights are.
#include "tools/mblm/LlamaWeights.h"

#include "compiler/Spec/Llama.h"
#include "compiler/Spec/Parameters.h"
#include "runtime/Initial.h"
#include "runtime/Support/Error.h"

namespace mblm::cli {

LlamaWeights::LlamaWeights(const std::vector<std::string> &paths, const spec::Spec &spec, const rt::ModelInfo &info)
    : info(info), headDim(spec.stages[0].layers[0].headDim) {
  std::vector<rt::TensorInfo> tensors;
  for (const std::string &path : paths) {
    files.emplace_back(path);
    for (rt::TensorInfo tensor : files.back().tensors()) {
      std::optional<spec::LlamaTensor> ours = spec::llamaTensor(tensor.name);
      // A second one of the same place keeps its name, and is one too many.
      if (ours && sources.insert({ours->name, {files.size() - 1, tensor.name, ours->halves}}).second) {
        tensor.name = ours->name;
      }
      tensors.push_back(tensor);
    }
  }
  if (sources.empty()) {
    throw Error(Exit::BadInput, "'" + paths[0] + "' has no layers of a Llama checkpoint; expected tensors such as "
                                                 "layers.0.attention.wq.weight or model.layers.0.self_attn.q_proj.weight");
  }
  compare(spec, tensors);
}

void LlamaWeights::compare(const spec::Spec &spec, const std::vector<rt::TensorInfo> &tensors) {
  rt::ModelInfo global;
  global.ignorable = spec::unusedLlamaTensors();
  std::vector<spec::Parameter> parameters = spec::listParameters(spec);
  for (size_t p = 0; p < parameters.size(); ++p) {
    bool isGlobal = parameters[p].stage == 0 && parameters[p].layer >= 0;
    isGlobal ? global.parameters.push_back(info.parameters[p]) : others.push_back(parameters[p].name);
  }
  spec::TensorShapes shapes;
  for (const rt::TensorInfo &tensor : tensors) {
    shapes[tensor.name] = tensor.shape;
  }
  compared = rt::compareWeights(global, tensors);
  compared.reason = spec::otherLlamaSizes(spec, shapes);
}

std::vector<float> LlamaWeights::values(size_t parameter, uint64_t seed) const {
  const rt::Parameter &p = info.parameters[parameter];
  auto source = sources.find(p.name);
  if (source == sources.end()) {
    std::vector<float> drawn(size_t(p.elements()));
    rt::drawInitial(p, uint32_t(parameter), seed, drawn.data());
    return drawn;
  }
  std::vector<float> read = files[source->second.file].floats(source->second.name);
  if (source->second.halves) {
    spec::pairSideBySide(read, headDim, p.shape.back());
  }
  return read;
}

void LlamaWeights::write(const std::string &path, uint64_t seed) const {
  std::vector<rt::TensorView> tensors;
  for (const rt::Parameter &p : info.parameters) {
    tensors.push_back({p.name, p.shape, nullptr, rt::DType::F32});
  }
  std::vector<float> current;
  rt::writeSafetensors(path, tensors, {}, [&](size_t index) {
    current = values(index, seed);
    return current.data();
  });
}

} // namespace mblm::cli
