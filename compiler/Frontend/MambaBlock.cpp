// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Mamba layer: h = x + Mixer(norm(x)), and where the spec has a feed-forward, result = h + Gated(norm(h)). Both
// mixers run a convolution, SiLU and a recurrence, and gate what comes out.
#include "compiler/Frontend/Builders.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;
using spec::Role;

static constexpr double gateNormEps = 1e-5;

static ResultRange split(Graph &graph, StringRef name, Value x, ArrayRef<int64_t> widths) {
  SmallVector<Type> types;
  for (int64_t width : widths) {
    types.push_back(withWidth(x, width));
  }
  return SplitOp::create(graph.builder, graph.at(name), types, x)->getResults();
}

static Value silu(Graph &graph, StringRef name, Value x) {
  return ActivationOp::create(graph.builder, graph.at(name), x, ActivationKind::Silu);
}

// x * silu(z)
static Value gate(Graph &graph, StringRef name, Value x, Value z) {
  return MultiplyOp::create(graph.builder, graph.at(name), x, silu(graph, name, z));
}

static Value convolve(Graph &graph, Value x) {
  Value y = CausalConvOp::create(graph.builder, graph.at("mixer/conv"), x, graph.load(Role::Conv),
                                 graph.load(Role::ConvBias), /*reverse=*/false);
  return silu(graph, "mixer/activation", y);
}

static Value buildMixer1(Graph &graph, const spec::Mamba &mamba, int64_t dim, Value input) {
  int64_t inner = mamba.innerDim(dim);
  Value projected = graph.linear("mixer/in", input, graph.load(Role::MixerIn), graph.load(Role::MixerInBias));
  ResultRange xz = split(graph, "mixer/split", projected, {inner, inner});
  Value x = convolve(graph, xz[0]);
  Value fromX = graph.linear("mixer/dt_b_c", x, graph.load(Role::StepAndState), /*bias=*/{});
  ResultRange parts = split(graph, "mixer/dt_b_c", fromX, {mamba.dtRankOf(dim), mamba.state, mamba.state});
  Value delta = graph.linear("mixer/dt", parts[0], graph.load(Role::Step), graph.load(Role::StepBias));
  Value y = SelectiveScanOp::create(graph.builder, graph.at("mixer/scan"), x, delta, graph.load(Role::DecayLog),
                                    parts[1], parts[2], graph.load(Role::Skip), /*gate=*/xz[1]);
  return graph.linear("mixer/out", y, graph.load(Role::MixerOut), graph.load(Role::MixerOutBias));
}

static Value normGroups(Graph &graph, const spec::Mamba &mamba, Value y) {
  return NormOp::create(graph.builder, graph.at("mixer/gate_norm"), y.getType(), y, graph.load(Role::GateNormWeight),
                        /*bias=*/Value(), NormKind::Rms, APFloat(gateNormEps), uint64_t(mamba.groups));
}

static Value gateAndNorm(Graph &graph, const spec::Mamba &mamba, Value y, Value z) {
  if (mamba.gatedNorm && mamba.normBeforeGate) {
    return gate(graph, "mixer/gate", normGroups(graph, mamba, y), z);
  }
  y = gate(graph, "mixer/gate", y, z);
  return mamba.gatedNorm ? normGroups(graph, mamba, y) : y;
}

// Features beside the recurrence, if there are any, come first: their gates, then they themselves.
static Value buildMixer2(Graph &graph, const spec::Mamba &mamba, int64_t dim, Value input) {
  OpBuilder &builder = graph.builder;
  int64_t width = mamba.ssmDimOf(dim), beside = mamba.innerDim(dim) - width, states = mamba.groups * mamba.state;
  Value projected = graph.linear("mixer/in", input, graph.load(Role::MixerIn), graph.load(Role::MixerInBias));
  SmallVector<int64_t> widths{width, width + 2 * states, mamba.headsOf(dim)};
  if (beside > 0) {
    widths.insert(widths.begin(), 2, beside);
  }
  ResultRange parts = split(graph, "mixer/split", projected, widths);
  ResultRange zxd = parts.drop_front(widths.size() - 3);
  ResultRange xbc = split(graph, "mixer/x_b_c", convolve(graph, zxd[1]), {width, states, states});
  double most = mamba.dtMax.value_or(std::numeric_limits<double>::infinity());
  Value y = SsdOp::create(builder, graph.at("mixer/ssd"), xbc[0], zxd[2], graph.load(Role::DecayLog), xbc[1], xbc[2],
                          graph.load(Role::Skip), graph.load(Role::StepBias), uint64_t(mamba.groups),
                          uint64_t(mamba.chunk), APFloat(mamba.dtMin), APFloat(most));
  y = gateAndNorm(graph, mamba, y, zxd[0]);
  if (beside > 0) {
    Value gated = gate(graph, "mixer/beside", parts[1], parts[0]);
    y = ConcatOp::create(builder, graph.at("mixer/concat"), withWidth(y, beside + width), ValueRange{gated, y});
  }
  return graph.linear("mixer/out", y, graph.load(Role::MixerOut), graph.load(Role::MixerOutBias));
}

// Values first, then their gates.
static Value buildMlp(Graph &graph, const spec::Mamba &mamba, Value x) {
  Value both = graph.linear("mlp/in", x, graph.load(Role::MlpIn), /*bias=*/{});
  ResultRange parts = split(graph, "mlp/split", both, {mamba.mlp, mamba.mlp});
  return graph.linear("mlp/out", gate(graph, "mlp/gate", parts[0], parts[1]), graph.load(Role::MlpOut), /*bias=*/{});
}

Value mblm::frontend::buildMambaLayer(Graph &graph, size_t stage, size_t layer, Value input) {
  const spec::Layer &current = graph.spec.stages[stage].layers[layer];
  int64_t dim = graph.spec.stages[stage].dim;
  graph.enter(layerPointer(graph.spec, stage, layer), int(stage), int(layer));
  Value x = graph.norm("mixer/norm", input, current.norm, current.normEps, Role::MixerNormWeight, Role::MixerNormBias);
  Value mixed = current.block == spec::Block::Mamba1 ? buildMixer1(graph, current.mamba, dim, x)
                                                     : buildMixer2(graph, current.mamba, dim, x);
  Value hidden = graph.add("mixer/residual", input, mixed);
  if (current.mamba.mlp == 0) {
    return hidden;
  }
  x = graph.norm("mlp/norm", hidden, current.norm, current.normEps, Role::MlpNormWeight, Role::MlpNormBias);
  return graph.add("mlp/residual", hidden, buildMlp(graph, current.mamba, x));
}
