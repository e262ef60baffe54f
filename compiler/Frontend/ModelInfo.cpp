// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime's description of a spec.
#include "compiler/Frontend/ModelInfo.h"

#include "compiler/Spec/Reader.h"
#include "runtime/Tokenizer.h"

#include <map>

using namespace mblm;

static constexpr int64_t alignment = 16; // floats: one cache line, one 512-bit vector

static int64_t alignUp(int64_t n) { return (n + alignment - 1) / alignment * alignment; }

ParameterLayout mblm::layoutParameters(const std::vector<spec::Parameter> &parameters) {
  ParameterLayout layout;
  int64_t end = 0;
  for (const spec::Parameter &parameter : parameters) {
    int64_t offset = parameter.follows ? end : alignUp(end);
    layout.offsets.push_back(offset);
    end = offset + parameter.elements();
  }
  layout.elements = alignUp(end);
  return layout;
}

static const char *initName(spec::Init init) {
  switch (init) {
  case spec::Init::Zeros:
    return "zeros";
  case spec::Init::Ones:
    return "ones";
  case spec::Init::Constant:
    return "constant";
  case spec::Init::Normal:
    return "normal";
  case spec::Init::TruncatedNormal:
    return "truncated_normal";
  case spec::Init::Uniform:
    return "uniform";
  case spec::Init::LogCount:
    return "log_count";
  case spec::Init::LogUniform:
    return "log_uniform";
  case spec::Init::Step:
    return "step";
  }
  return "";
}

static const char *namesName(spec::Names names) {
  switch (names) {
  case spec::Names::Mblm:
    return "mblm";
  case spec::Names::Mblm040:
    return "mblm-0.4.0";
  case spec::Names::Megabyte:
    return "megabyte";
  case spec::Names::Gpt2:
    return "gpt2";
  case spec::Names::Mamba:
    return "mamba";
  case spec::Names::Blt:
    return "blt";
  case spec::Names::PerceiverAr:
    return "perceiver_ar";
  }
  return "";
}

// Buffers that the references store beside their weights: rotary frequencies; GPT-2's causal masks; tied heads.
static std::vector<std::string> ignorableNames(const spec::Spec &spec) {
  std::vector<std::string> names;
  if (spec.names == spec::Names::Gpt2) {
    names = {"*.attn.bias", "*.attn.masked_bias"};
  } else if (spec.names == spec::Names::Blt) {
    return {};
  } else if (spec.names == spec::Names::PerceiverAr) {
    return {"rotary_pos_emb.inv_freq"};
  } else if (spec.names != spec::Names::Mamba) {
    return {"*.rotary_emb.inv_freq"};
  }
  if (spec.tieEmbeddings) {
    names.push_back("lm_head.weight");
  }
  return names;
}

static rt::PatchRule patchRule(const spec::Patches &patches) {
  using Mode = rt::PatchRule::Mode;
  static const std::map<spec::PatchMode, Mode> modes = {{spec::PatchMode::Given, Mode::Given}, {spec::PatchMode::Static, Mode::Static},
                                                        {spec::PatchMode::Byte, Mode::Byte},   {spec::PatchMode::Space, Mode::Space},
                                                        {spec::PatchMode::Entropy, Mode::Entropy}, {spec::PatchMode::Bpe, Mode::Bpe}};
  rt::PatchRule rule;
  rule.mode = modes.at(patches.mode);
  rule.size = patches.size;
  rule.lead = patches.lead;
  rule.firstAlone = true;
  rule.threshold = float(patches.threshold);
  if (patches.thresholdAdd) {
    rule.thresholdAdd = float(*patches.thresholdAdd);
  }
  rule.monotonic = patches.monotonic;
  rule.maxLength = patches.maxLength.value_or(0);
  return rule;
}

rt::ModelInfo mblm::makeModelInfo(const spec::Spec &spec) {
  rt::ModelInfo info;
  info.name = spec.name;
  info.vocab = spec.vocab;
  info.pad = spec.pad;
  info.inner = spec.bytesPerSlot(0);
  info.maxSlots = spec.maxSlots();
  info.maxLength = spec.stages[spec.patches ? spec.local() : 0].length * info.inner;
  info.patched = spec.patches.has_value();
  if (spec.patches) {
    info.patchRule = patchRule(*spec.patches);
    info.mostPatches = spec.stages[0].length;
  }
  info.firstByte = spec.names == spec::Names::Blt ? rt::byteOffset : 0;
  info.documentEnd = spec.documentEnd.value_or(-1);
  info.startToken = spec.startToken;
  info.prefix = spec.prefix.value_or(0);
  info.maskToken = spec.maskToken.value_or(-1);
  info.maskProbability = spec.maskProbability;
  info.hiddenDim = spec.stages.back().dim;
  for (const spec::Stage &stage : spec.stages) {
    info.stageLengths.push_back(stage.length);
  }
  std::vector<spec::Parameter> parameters = spec::listParameters(spec);
  ParameterLayout layout = layoutParameters(parameters);
  for (size_t p = 0; p < parameters.size(); ++p) {
    const spec::Parameter &from = parameters[p];
    info.parameters.push_back(
        {from.name, from.fileShape(), layout.offsets[p], initName(from.init), from.scale, from.low, from.high});
    if (from.role == spec::Role::ByteTable) {
      info.parameters.back().zeroRow = spec.untrainedRow().value_or(-1);
    }
  }
  info.parameterElements = layout.elements;
  info.ignorable = ignorableNames(spec);
  info.names = namesName(spec.names);
  info.spec = spec.text.empty() ? spec::writeSpec(spec) : spec.text;
  return info;
}
