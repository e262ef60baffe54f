// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parameters of a spec: their names in the reference's spelling, shapes and initial distributions, in the order in which
// they stand in the one flat f32 buffer that training works on. Those that are read together (query and key/value by one
// product, tables of embeddings by one lookup) follow each other directly, so that their concatenation along dimension 0 is a
// view.
#pragma once

#include "compiler/Spec/Spec.h"

namespace mblm::spec {

enum class Role {
  StartToken,       // [D_i]                         one per stage
  PositionTable,    // [P_i, D_i]                    stages with learned positions
  ByteTable,        // [V, D_N]                      one per stage, all of the local width; with patches the encoder's alone
  HashTable,        // [rows, D_1]                   with patches; layer = number of the table
  NgramTable,       // [grams + 4, D_1]              likewise
  PatchNorm1Weight, // [S_i * D_N]                   stages above the local one
  PatchNorm1Bias,
  PatchLinearWeight, // [D_i, S_i * D_N]
  PatchLinearBias,   // [D_i]
  PatchNorm2Weight,  // [D_i]
  PatchNorm2Bias,
  AttnNormWeight, // [D_i]
  AttnNormBias,   // [D_i]                           Norm::Layer only
  ContextNormWeight, // [D_i]                        layers that read a prefix: that of the prefix
  ContextNormBias,
  Query,          // [H*d, D_i]                      Mblm and Megabyte names, and layers that read a prefix
  KeyValue,       // [2*H*d, D_i]                    keys first
  Qkv,            // [3*H*d, D_i]                    Gpt2 names, and PerceiverAr's other layers, instead of Query and KeyValue
  QkvBias,        // [3*H*d]                         attentionBias
  AttnOut,        // [D_i, H*d]
  AttnOutBias,    // [D_i]                           attentionBias or outBias
  FfNormWeight,
  FfNormBias,
  Ff1Weight, // [m*D_i, D_i]
  Ff1Bias,
  Ff2Weight, // [D_i, m*D_i]
  Ff2Bias,
  MixerNormWeight, // [D_i]                         Mamba layers: before the mixer
  MixerNormBias,   // [D_i]                         Norm::Layer only
  MixerIn,         // [2*E, D_i]; Mamba-2: [2*E + 2*G*N + H, D_i], E the features inside, G*N those of b and of c
  MixerInBias,
  Conv,            // [C, taps]; C = E, Mamba-2: the recurrence's features and 2*G*N
  ConvBias,        // [C]
  StepAndState,    // [R + 2*N, E]                  Mamba-1: dt's features, b and c
  Step,            // [E, R]                        Mamba-1: dt
  StepBias,        // [E]; Mamba-2: [H]
  DecayLog,        // [E, N]; Mamba-2: [H]
  Skip,            // [E]; Mamba-2: [H], or one for each feature
  GateNormWeight,  // [E]                           Mamba-2
  MixerOut,        // [D_i, E]
  MixerOutBias,
  MlpNormWeight,   // [D_i]                         Mamba layers with a gated feed-forward
  MlpNormBias,
  MlpIn,           // [2*hidden, D_i]               values, then gates
  MlpOut,          // [D_i, hidden]
  Key,             // [K*d, D_i]                    Llama layers, behind Query, K key/value heads
  Value,           // [K*d, D_i]
  Gate,            // [hidden, D_i]                 w1
  Up,              // [hidden, D_i]                 w3
  Down,            // [D_i, hidden]                 w2
  CrossNormQuery,  // [D_1]                         with patches, of the encoder and of the decoder; layer = the module's number
  CrossNormKey,
  CrossQuery, // [D_1, D_1]
  CrossKey,
  CrossValue,
  CrossOut,
  PatchProjection, // encoder [k*D_1, D_1]; decoder [k*D_1, D_0], without cross attention [D_1, D_0], where D_0 != D_1
  TokenProjection, // [D_0, width of a patch]       where they differ
  FinalNormWeight, // [D_i]
  FinalNormBias,
  NextWeight, // [P_{i+1} * D_{i+1}, D_i]           stages above the local one
  NextBias,
  HeadWeight, // [V, D_N]
  HeadBias,   // [V]
};

enum class Init {
  Zeros,
  Ones,
  Constant,   // scale
  Normal,     // N(0, scale^2)
  TruncatedNormal, // the same, within 3 * scale
  Uniform,    // U(-scale, scale)
  LogCount,   // each row: ln 1, ln 2, ...
  LogUniform, // ln U(low, high)
  Step,       // what softplus makes a step of: exp U(ln low, ln high), no less than scale
};

struct Parameter {
  std::string name; // the reference's
  Role role;
  int stage = -1;
  int layer = -1;
  std::vector<int64_t> shape;
  Init init;
  double scale = 0;
  double low = 0, high = 0;
  bool follows = false; // begins where the one before ends
  int64_t elements() const;
  // The shape in weights files: the references keep the taps of a convolution as [C, 1, taps].
  std::vector<int64_t> fileShape() const;
};

// In buffer order. Throws nothing: a valid spec always has parameters.
std::vector<Parameter> listParameters(const Spec &spec);

// Names that a weights file may hold beside the parameters (stored buffers such as `rotary_emb.inv_freq`).
bool isIgnorableWeight(const Spec &spec, const std::string &name);

} // namespace mblm::spec
