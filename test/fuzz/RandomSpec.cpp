// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Draws the values of a spec one by one, then takes back what does not go together. splitmix64 rather than the standard
// distributions, whose numbers differ between libraries.
#include "test/fuzz/RandomSpec.h"

#include "compiler/Spec/Reader.h"

#include <cmath>

using namespace mblm;
using namespace mblm::spec;

namespace {

class Dice {
public:
  explicit Dice(uint64_t seed) : state(seed * 0x9e3779b97f4a7c15u + 1) {}

  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  int64_t between(int64_t low, int64_t high) { return low + int64_t(next() % uint64_t(high - low + 1)); }
  bool coin() { return next() >> 63; }
  bool rarely() { return between(0, 3) == 0; }
  double unit() { return double(next() >> 11) * 0x1p-53; }
  double normal() { return std::sqrt(-2 * std::log(1 - unit())) * std::cos(2 * M_PI * unit()); }
  template <typename T>
  T oneOf(std::initializer_list<T> values) {
    return values.begin()[between(0, int64_t(values.size()) - 1)];
  }

private:
  uint64_t state;
};

Norm randomNorm(Dice &dice) { return dice.oneOf({Norm::None, Norm::RmsClamp, Norm::Layer, Norm::Rms}); }

Mamba randomMamba(Dice &dice, int64_t dim, bool second) {
  Mamba mamba;
  mamba.state = dice.between(1, 5);
  mamba.conv = dice.between(1, 5);
  mamba.expand = dice.oneOf({1.0, 1.5, 2.0});
  mamba.bias = dice.coin();
  mamba.convBias = dice.coin();
  mamba.mlp = dice.coin() ? dice.between(1, 9) : 0;
  if (!second) {
    mamba.dtRank = dice.coin() ? std::optional<int64_t>(dice.between(1, 3)) : std::nullopt;
    return mamba;
  }
  int64_t inner = mamba.innerDim(dim);
  int64_t width = dice.coin() ? inner : dice.between(1, inner);
  mamba.ssmDim = width == inner ? std::nullopt : std::optional<int64_t>(width);
  auto divisor = [&](int64_t of) {
    int64_t value = dice.between(1, of);
    while (of % value != 0) {
      --value;
    }
    return value;
  };
  mamba.headDim = divisor(width);
  mamba.groups = divisor(width / mamba.headDim);
  mamba.skipPerFeature = dice.coin();
  mamba.gatedNorm = !dice.rarely();
  mamba.normBeforeGate = dice.coin();
  mamba.chunk = dice.between(1, 8);
  if (dice.rarely()) {
    mamba.dtMin = 0.25;
    mamba.dtMax = 1.5;
  }
  return mamba;
}

Layer randomLayer(Dice &dice, const std::string &pointer, int64_t dim, const std::vector<Block> &blocks) {
  Layer layer(blocks[size_t(dice.between(0, int64_t(blocks.size()) - 1))]);
  layer.pointer = pointer;
  if (layer.isMamba()) {
    layer.mamba = randomMamba(dice, dim, layer.block == Block::Mamba2);
    layer.norm = randomNorm(dice);
    layer.normEps = layer.norm == Norm::RmsClamp ? 1e-8 : 1e-5;
    return layer;
  }
  layer.heads = dice.between(1, 3);
  layer.headDim = dice.between(1, 6);
  layer.rotary = dice.coin();
  if (layer.rotary) {
    layer.headDim += layer.headDim % 2;
    layer.rotaryBase = dice.rarely() ? 500 : 10000;
  }
  layer.ffMult = dice.between(1, 3);
  layer.tokenShift = dice.coin();
  layer.norm = randomNorm(dice);
  layer.normEps = layer.norm == Norm::RmsClamp ? 1e-8 : 1e-5;
  layer.activation = dice.oneOf({Activation::Gelu, Activation::GeluTanh});
  layer.attentionBias = dice.coin();
  Dice aside = dice; // so that what else a seed draws stays as it is
  if (layer.rotary && aside.rarely()) {
    layer.rotaryDim = 2 * aside.between(1, layer.headDim / 2);
  }
  layer.outBias = aside.rarely();
  layer.ffBias = !aside.rarely();
  return layer;
}

Stage randomStage(Dice &dice, size_t index, int64_t longest, const std::vector<Block> &blocks) {
  Stage stage;
  stage.pointer = "/stages/" + std::to_string(index);
  stage.dim = dice.between(1, 12);
  stage.length = dice.between(1, longest);
  stage.position = dice.oneOf({Position::None, Position::Learned, Position::Rope});
  if (stage.position == Position::Rope) {
    stage.dim += stage.dim % 2;
  }
  int64_t layers = dice.between(1, 2);
  for (int64_t l = 0; l < layers; ++l) {
    stage.layers.push_back(randomLayer(dice, stage.pointer + "/layers/" + std::to_string(l), stage.dim, blocks));
  }
  stage.finalNorm = randomNorm(dice);
  stage.finalNormEps = stage.finalNorm == Norm::RmsClamp ? 1e-8 : 1e-5;
  return stage;
}

// Any scheme that has names for such a spec.
Names randomNames(Dice &dice, const Spec &spec) {
  bool plain = spec.stages.size() == 1 && !spec.startToken && dice.coin();
  size_t mamba = 0;
  for (const Layer &layer : spec.stages[0].layers) {
    mamba += layer.isMamba();
  }
  if (plain && mamba == 0) {
    return Names::Gpt2;
  }
  if (plain && mamba == spec.stages[0].layers.size() && spec.stages[0].position != Position::Learned) {
    return Names::Mamba;
  }
  return dice.oneOf({Names::Mblm, Names::Mblm040, Names::Megabyte});
}

} // namespace

Spec mblm::fuzz::randomSpec(uint64_t seed, const std::vector<Block> &blocks) {
  Dice dice(seed);
  Spec spec;
  spec.name = "fuzz-" + std::to_string(seed);
  spec.vocab = dice.between(2, 20);
  int64_t stages = dice.between(1, 4);
  for (int64_t i = 0; i < stages; ++i) {
    spec.stages.push_back(randomStage(dice, size_t(i), stages == 1 ? 12 : stages == 2 ? 6 : 4, blocks));
  }
  if (stages > 1 || dice.coin()) {
    spec.pad = dice.between(0, spec.vocab - 1);
  }
  spec.startToken = stages > 1 || dice.coin();
  spec.tieEmbeddings = dice.rarely();
  spec.padGradient = !spec.pad || spec.tieEmbeddings || dice.coin();
  if (spec.padGradient && !spec.tieEmbeddings && dice.rarely()) {
    spec.frozen = dice.between(0, spec.vocab - 1);
  }
  spec.headBias = dice.coin();
  spec.loss = dice.oneOf({Loss::MeanNonzero, Loss::MeanTargets});
  spec.fixedLength = dice.rarely();
  spec.names = randomNames(dice, spec);
  spec.text = writeSpec(spec);
  return spec;
}

Spec mblm::fuzz::withDropout(Spec spec) {
  double rate = 0.1;
  for (Stage &stage : spec.stages) {
    for (Layer &layer : stage.layers) {
      layer.attnDropout = rate;
      layer.ffDropout = 0.6 - rate;
      rate = rate > 0.4 ? 0.1 : rate + 0.15;
    }
  }
  spec.text = writeSpec(spec);
  return spec;
}

Spec mblm::fuzz::asMasked(Spec spec) {
  spec.startToken = false;
  spec.maskToken = spec.vocab - 1;
  spec.maskAll = spec.vocab % 2 == 0;
  for (Stage &stage : spec.stages) { // norms of two or three features make much of rounding where bytes are alike, as masked ones are
    stage.dim += stage.dim < 4 ? 4 : 0;
  }
  if (spec.names == Names::Gpt2) {
    spec.names = Names::Mblm;
  }
  spec.text = writeSpec(spec);
  return spec;
}

Spec mblm::fuzz::withPrefix(Spec spec) {
  Stage stage = spec.stages.back();
  stage.pointer = "/stages/0";
  spec.prefix = 1 + spec.vocab % 4;
  stage.length = *spec.prefix + 70; // some blocks of the kernels'
  for (size_t l = 0; l < stage.layers.size(); ++l) {
    Layer &layer = stage.layers[l];
    layer.pointer = "/stages/0/layers/" + std::to_string(l);
    if (l == 0 || spec.vocab % 3 == 0) {
      layer.perceive = true;
      layer.tokenShift = layer.attentionBias = false;
    }
  }
  spec.stages = {stage};
  spec.startToken = false;
  spec.names = Names::PerceiverAr;
  spec.text = writeSpec(spec);
  return spec;
}

std::string mblm::fuzz::describe(const Spec &spec) { return writeSpec(spec); }

static fuzz::Inputs draw(Dice &dice, const rt::ModelInfo &info, int64_t batch, int64_t slots) {
  fuzz::Inputs inputs;
  inputs.batch = batch;
  inputs.slots = slots;
  int64_t length = slots * info.inner;
  int64_t padding = info.pad && length > 2 ? dice.between(0, info.inner - 1) : 0;
  for (int64_t n = 0; n < inputs.batch * length; ++n) {
    bool padded = n % length >= length - padding;
    inputs.ids.push_back(int32_t(padded ? *info.pad : dice.between(0, info.vocab - 1)));
    inputs.mask.push_back(padded || dice.rarely() ? 0.0f : float(0.5 + dice.unit()));
  }
  for (size_t n = 0; info.isMasked() && n < inputs.ids.size(); ++n) {
    inputs.targets.push_back(int32_t(dice.between(0, info.vocab - 1)));
    bool whole = n % size_t(length) == 0 || n % size_t(info.stageLengths.back()) == 0;
    bool hidden = whole ? dice.rarely() : inputs.visible.back() == 0;
    inputs.visible.push_back(hidden == dice.rarely() ? 1 : 0);
  }
  inputs.params.assign(size_t(info.parameterElements), 0.0f);
  for (const rt::Parameter &parameter : info.parameters) {
    double width = parameter.shape.size() >= 2 ? double(parameter.shape.back()) : 1;
    bool isTable = parameter.init == "normal";
    for (int64_t e = 0; e < parameter.elements(); ++e) {
      double value = dice.normal() * (isTable ? 1 : 0.7 / std::sqrt(width));
      inputs.params[size_t(parameter.offset + e)] = float(parameter.init == "ones" ? 1 + 0.3 * value : value);
    }
  }
  return inputs;
}

fuzz::Inputs mblm::fuzz::randomInputs(const rt::ModelInfo &info, uint64_t seed) {
  Dice dice(~seed);
  int64_t batch = dice.between(1, 3);
  // Two bytes at least: a model without a start token has no target in one.
  int64_t fewest = info.inner == 1 && info.maxSlots != 1 ? 2 : 1;
  int64_t slots = dice.between(fewest, std::max(fewest, info.maxSlots ? std::min<int64_t>(info.maxSlots, 8) : 5));
  return draw(dice, info, batch, slots);
}

fuzz::Inputs mblm::fuzz::randomInputs(const rt::ModelInfo &info, uint64_t seed, int64_t batch, int64_t slots) {
  Dice dice(~seed);
  return draw(dice, info, batch, slots);
}
