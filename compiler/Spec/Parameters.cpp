// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which parameters a spec has, in their order, and how each reference draws their first values.
#include "compiler/Spec/ParameterNames.h"

#include <cmath>
#include <functional>
#include <numeric>

using namespace mblm::spec;

namespace {

// Appends the parameters one by one.
class Lister {
public:
  explicit Lister(const Spec &spec) : spec(spec) {}

  std::vector<Parameter> run() {
    for (stage = 0; stage < int(spec.stages.size()); ++stage) {
      listStage(spec.stages[size_t(stage)]);
    }
    stage = -1;
    const Stage &local = spec.stages.back();
    if (!spec.tieEmbeddings) {
      matrix(Role::HeadWeight, spec.vocab, local.dim);
    }
    if (spec.headBias) {
      bias(Role::HeadBias, spec.vocab, local.dim);
    }
    return std::move(parameters);
  }

private:
  bool isGpt2() const { return spec.names == Names::Gpt2; }
  bool isMamba() const { return spec.names == Names::Mamba; }
  bool isBlt() const { return spec.names == Names::Blt; }

  static bool follows(Role role) {
    switch (role) {
    case Role::KeyValue:
    case Role::Key:
    case Role::Value:
    case Role::Up:
    case Role::CrossValue:
    case Role::HashTable:
    case Role::NgramTable:
      return true;
    default:
      return false;
    }
  }

  void add(Role role, std::vector<int64_t> shape, Init init, double scale = 0, double low = 0, double high = 0) {
    parameters.push_back({parameterName(spec, role, stage, layer), role, stage, layer, std::move(shape), init, scale,
                          low, high, follows(role)});
  }

  void table(Role role, int64_t rows, int64_t dim) {
    if (isBlt()) {
      truncated(role, rows, dim, dim);
    } else {
      add(role, {rows, dim}, Init::Normal, isGpt2() || isMamba() ? 0.02 : 1);
    }
  }

  void truncated(Role role, int64_t outputs, int64_t inputs, int64_t width) {
    add(role, {outputs, inputs}, Init::TruncatedNormal, 1 / std::sqrt(double(width)));
  }

  // Linear layers are drawn from U(+-1/sqrt(inputs)), their biases too; in GPT-2 from N(0, 0.02^2), those that write to
  // the residual stream scaled down by its number of summands, and biases are zero, as in Mamba's language models. In
  // BLT from N(0, 1/inputs), truncated.
  void matrix(Role role, int64_t outputs, int64_t inputs) {
    if (isBlt()) {
      truncated(role, outputs, inputs, inputs);
      return;
    }
    if (!isGpt2()) {
      add(role, {outputs, inputs}, Init::Uniform, 1 / std::sqrt(double(inputs)));
      return;
    }
    bool residual = role == Role::AttnOut || role == Role::Ff2Weight;
    double summands = residual ? 2 * double(spec.stages.back().layers.size()) : 1;
    add(role, {outputs, inputs}, Init::Normal, 0.02 / std::sqrt(summands));
  }
  void bias(Role role, int64_t outputs, int64_t inputs) {
    if (isGpt2() || isMamba() || isBlt()) {
      add(role, {outputs}, Init::Zeros);
    } else {
      add(role, {outputs}, Init::Uniform, 1 / std::sqrt(double(inputs)));
    }
  }

  void norm(Norm kind, Role weight, Role biasRole, int64_t dim) {
    if (kind != Norm::None) {
      add(weight, {dim}, Init::Ones);
    }
    if (kind == Norm::Layer) {
      add(biasRole, {dim}, Init::Zeros);
    }
  }

  void listStage(const Stage &current) {
    const Stage &local = spec.stages.back();
    bool isLocal = stage == int(spec.local());
    if (spec.startToken) {
      add(Role::StartToken, {current.dim}, Init::Normal, 1);
    }
    if (current.position == Position::Learned) {
      table(Role::PositionTable, current.length, current.dim);
    }
    if (spec.patches) {
      listTables(current);
    } else {
      table(Role::ByteTable, spec.vocab, local.dim);
    }
    if (!isLocal && !spec.patches) {
      int64_t width = spec.bytesPerSlot(size_t(stage)) * local.dim;
      norm(Norm::Layer, Role::PatchNorm1Weight, Role::PatchNorm1Bias, width);
      matrix(Role::PatchLinearWeight, current.dim, width);
      bias(Role::PatchLinearBias, current.dim, width);
      norm(Norm::Layer, Role::PatchNorm2Weight, Role::PatchNorm2Bias, current.dim);
    }
    for (layer = 0; layer < int(current.layers.size()); ++layer) {
      const Layer &each = current.layers[size_t(layer)];
      if (each.block == Block::Llama) {
        listLlama(each, current.dim);
      } else {
        each.isMamba() ? listMamba(each, current.dim) : listTransformer(each, current.dim);
      }
    }
    layer = -1;
    if (spec.patches) {
      listCross(current);
    }
    norm(current.finalNorm, Role::FinalNormWeight, Role::FinalNormBias, current.dim);
    if (!isLocal && !spec.patches) {
      const Stage &next = spec.stages[size_t(stage) + 1];
      matrix(Role::NextWeight, next.length * next.dim, current.dim);
      bias(Role::NextBias, next.length * next.dim, current.dim);
    }
  }

  // What stands before the layers of a stage with patches: tables of the encoder, projections of patches.
  void listTables(const Stage &current) {
    if (stage == 0) {
      if (spec.patchWidth() != current.dim) {
        matrix(Role::TokenProjection, current.dim, spec.patchWidth());
      }
      return;
    }
    if (stage == 2) {
      if (spec.stages[0].dim != current.dim) {
        matrix(Role::PatchProjection, spec.patchWidthDown(), spec.stages[0].dim);
      }
      return;
    }
    table(Role::ByteTable, spec.vocab, current.dim);
    const Ngrams ngrams = spec.ngrams.value_or(Ngrams());
    for (layer = 0; layer < ngrams.hashTables(); ++layer) {
      table(Role::HashTable, ngrams.hashRows, current.dim);
    }
    for (layer = 0; layer < int(ngrams.tables.size()); ++layer) {
      table(Role::NgramTable, ngrams.tables[size_t(layer)].rows(), current.dim);
    }
    layer = -1;
    if (spec.patches->encoderCross != CrossLayers::None) {
      matrix(Role::PatchProjection, spec.patchWidth(), current.dim);
    }
  }

  void listCross(const Stage &current) {
    CrossLayers where = stage == 0   ? CrossLayers::None
                        : stage == 1 ? spec.patches->encoderCross
                                     : spec.patches->decoderCross;
    int modules = where == CrossLayers::All ? int(current.layers.size()) : where == CrossLayers::One ? 1 : 0;
    for (layer = 0; layer < modules; ++layer) {
      add(Role::CrossNormQuery, {current.dim}, Init::Ones);
      add(Role::CrossNormKey, {current.dim}, Init::Ones);
      for (Role role : {Role::CrossQuery, Role::CrossKey, Role::CrossValue, Role::CrossOut}) {
        matrix(role, current.dim, current.dim);
      }
    }
    layer = -1;
  }

  void listLlama(const Layer &current, int64_t dim) {
    int64_t width = current.heads * current.headDim, kvWidth = current.kvHeadsOf() * current.headDim;
    norm(current.norm, Role::AttnNormWeight, Role::AttnNormBias, dim);
    matrix(Role::Query, width, dim);
    matrix(Role::Key, kvWidth, dim);
    matrix(Role::Value, kvWidth, dim);
    truncated(Role::AttnOut, dim, width, dim);
    norm(current.norm, Role::FfNormWeight, Role::FfNormBias, dim);
    matrix(Role::Gate, current.ffHidden, dim);
    matrix(Role::Up, current.ffHidden, dim);
    matrix(Role::Down, dim, current.ffHidden);
  }

  void listTransformer(const Layer &current, int64_t dim) {
    int64_t width = current.heads * current.headDim;
    int64_t hidden = current.ffMult * dim;
    norm(current.norm, Role::AttnNormWeight, Role::AttnNormBias, dim);
    if (current.perceive) {
      norm(current.norm, Role::ContextNormWeight, Role::ContextNormBias, dim);
    }
    if (isGpt2() || (spec.names == Names::PerceiverAr && !current.perceive)) {
      matrix(Role::Qkv, 3 * width, dim);
    } else {
      matrix(Role::Query, width, dim);
      matrix(Role::KeyValue, 2 * width, dim);
    }
    if (current.attentionBias) {
      bias(Role::QkvBias, 3 * width, dim);
    }
    matrix(Role::AttnOut, dim, width);
    if (current.attentionBias || current.outBias) {
      bias(Role::AttnOutBias, dim, width);
    }
    norm(current.norm, Role::FfNormWeight, Role::FfNormBias, dim);
    feedForward(Role::Ff1Weight, Role::Ff1Bias, hidden, dim, current.ffBias);
    feedForward(Role::Ff2Weight, Role::Ff2Bias, dim, hidden, current.ffBias);
  }

  void feedForward(Role weight, Role biasRole, int64_t outputs, int64_t inputs, bool hasBias) {
    matrix(weight, outputs, inputs);
    if (hasBias) {
      bias(biasRole, outputs, inputs);
    }
  }

  // What a Mamba layer adds to the residual stream. Scaled down by the number of summands, but for MBLM's Mamba-1.
  void toResidual(Role role, int64_t dim, int64_t inputs, const Layer &current) {
    bool scaled = isMamba() || current.block == Block::Mamba2;
    double layers = double(spec.stages[size_t(stage)].layers.size());
    double summands = scaled ? layers * (current.mamba.mlp > 0 ? 2 : 1) : 1;
    add(role, {dim, inputs}, Init::Uniform, 1 / std::sqrt(double(inputs) * summands));
  }

  void listMamba(const Layer &current, int64_t dim) {
    const Mamba &mamba = current.mamba;
    norm(current.norm, Role::MixerNormWeight, Role::MixerNormBias, dim);
    current.block == Block::Mamba1 ? listMixer1(mamba, dim) : listMixer2(mamba, dim);
    toResidual(Role::MixerOut, dim, mamba.innerDim(dim), current);
    if (mamba.bias) {
      bias(Role::MixerOutBias, dim, mamba.innerDim(dim));
    }
    if (mamba.mlp > 0) {
      norm(current.norm, Role::MlpNormWeight, Role::MlpNormBias, dim);
      matrix(Role::MlpIn, 2 * mamba.mlp, dim);
      toResidual(Role::MlpOut, dim, mamba.mlp, current);
    }
  }

  void mixerInput(const Mamba &mamba, int64_t width, int64_t dim) {
    matrix(Role::MixerIn, width, dim);
    if (mamba.bias) {
      bias(Role::MixerInBias, width, dim);
    }
  }

  void convolution(const Mamba &mamba, int64_t channels) {
    double bound = 1 / std::sqrt(double(mamba.conv));
    add(Role::Conv, {channels, mamba.conv}, Init::Uniform, bound);
    if (mamba.convBias) {
      add(Role::ConvBias, {channels}, Init::Uniform, bound);
    }
  }

  void firstSteps(const Mamba &mamba, int64_t size) {
    add(Role::StepBias, {size}, Init::Step, mamba.dtInitFloor, mamba.dtInitMin, mamba.dtInitMax);
  }

  void listMixer1(const Mamba &mamba, int64_t dim) {
    int64_t inner = mamba.innerDim(dim), rank = mamba.dtRankOf(dim);
    mixerInput(mamba, 2 * inner, dim);
    convolution(mamba, inner);
    matrix(Role::StepAndState, rank + 2 * mamba.state, inner);
    add(Role::Step, {inner, rank}, mamba.dtInit == DtInit::Random ? Init::Uniform : Init::Constant,
        mamba.dtScale / std::sqrt(double(rank)));
    firstSteps(mamba, inner);
    add(Role::DecayLog, {inner, mamba.state}, Init::LogCount);
    add(Role::Skip, {inner}, Init::Ones);
  }

  void listMixer2(const Mamba &mamba, int64_t dim) {
    int64_t inner = mamba.innerDim(dim), width = mamba.ssmDimOf(dim), heads = mamba.headsOf(dim);
    int64_t states = 2 * mamba.groups * mamba.state;
    mixerInput(mamba, 2 * inner + states + heads, dim);
    convolution(mamba, width + states);
    firstSteps(mamba, heads);
    add(Role::DecayLog, {heads}, Init::LogUniform, 0, mamba.aInitMin, mamba.aInitMax);
    add(Role::Skip, {mamba.skipPerFeature ? width : heads}, Init::Ones);
    if (mamba.gatedNorm) {
      add(Role::GateNormWeight, {width}, Init::Ones);
    }
  }

  const Spec &spec;
  std::vector<Parameter> parameters;
  int stage = -1;
  int layer = -1;
};

} // namespace

int64_t Parameter::elements() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>());
}

std::vector<int64_t> Parameter::fileShape() const {
  return role == Role::Conv ? std::vector<int64_t>{shape[0], 1, shape[1]} : shape;
}

std::vector<Parameter> mblm::spec::listParameters(const Spec &spec) { return Lister(spec).run(); }
