// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The generator itself: what it draws is valid, repeats, and reaches the options of the format.
#include "test/fuzz/RandomSpec.h"

#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Spec/Reader.h"

#include <gtest/gtest.h>

#include <map>

using namespace mblm;
using namespace mblm::fuzz;

namespace {

TEST(RandomSpec, IsWhatTheReaderAccepts) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::string json = spec::writeSpec(randomSpec(seed));
    EXPECT_EQ(spec::writeSpec(spec::parseSpec(json, "seed " + std::to_string(seed))), json);
  }
}

TEST(RandomSpec, FollowsFromTheSeed) {
  EXPECT_EQ(describe(randomSpec(7)), describe(randomSpec(7)));
  EXPECT_NE(describe(randomSpec(7)), describe(randomSpec(8)));
  rt::ModelInfo info = makeModelInfo(randomSpec(7));
  EXPECT_EQ(randomInputs(info, 7).ids, randomInputs(info, 7).ids);
  EXPECT_EQ(randomInputs(info, 7).params, randomInputs(info, 7).params);
}

TEST(RandomSpec, StaysSmall) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    rt::ModelInfo info = makeModelInfo(randomSpec(seed));
    Inputs inputs = randomInputs(info, seed);
    EXPECT_LE(info.parameterElements, 40000) << seed;
    EXPECT_LE(inputs.ids.size(), 1000u) << seed;
    EXPECT_EQ(inputs.ids.size(), size_t(inputs.batch * inputs.slots * info.inner));
    EXPECT_TRUE(info.maxSlots == 0 || inputs.slots <= info.maxSlots) << seed;
  }
}

void countMamba(const spec::Layer &layer, int64_t dim, std::map<std::string, int> &seen) {
  const spec::Mamba &mamba = layer.mamba;
  ++seen[mamba.bias ? "bias" : "no bias"];
  ++seen[mamba.convBias ? "bias of taps" : "no bias of taps"];
  ++seen[mamba.mlp > 0 ? "feed-forward" : "no feed-forward"];
  if (layer.block == spec::Block::Mamba1) {
    ++seen[mamba.dtRank ? "rank" : "rank of the width"];
    return;
  }
  ++seen[!mamba.gatedNorm ? "no gated norm" : mamba.normBeforeGate ? "norm before gate" : "gate before norm"];
  ++seen[mamba.groups > 1 ? "groups" : "one group"];
  ++seen[mamba.dtMax ? "limits" : "no limits"];
  ++seen[mamba.ssmDimOf(dim) < mamba.innerDim(dim) ? "features beside" : "none beside"];
  ++seen[mamba.skipPerFeature ? "skip a feature" : "skip a head"];
}

TEST(RandomSpec, ReachesTheOptionsInAHundredSeeds) {
  std::map<std::string, int> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    spec::Spec spec = randomSpec(seed);
    ++seen["stages " + std::to_string(spec.stages.size())];
    ++seen[spec.startToken ? "start" : "no start"];
    ++seen[spec.tieEmbeddings ? "tied" : "untied"];
    ++seen[spec.padGradient ? "pad learns" : "pad does not learn"];
    ++seen[spec.loss == spec::Loss::MeanNonzero ? "nonzero" : "targets"];
    ++seen[spec.names == spec::Names::Gpt2 ? "joint q k v" : "separate q k v"];
    ++seen[spec.names == spec::Names::Mamba ? "names of mamba" : "other names"];
    ++seen[spec.frozen ? "another row does not learn" : "no other row"];
    for (const spec::Stage &stage : spec.stages) {
      ++seen["position " + std::to_string(int(stage.position))];
      for (const spec::Layer &layer : stage.layers) {
        ++seen["norm " + std::to_string(int(layer.norm))];
        ++seen["block " + std::to_string(int(layer.block))];
        if (layer.isMamba()) {
          countMamba(layer, stage.dim, seen);
          continue;
        }
        ++seen[layer.rotary ? "rotary" : "no rotary"];
        ++seen[layer.tokenShift ? "shift" : "no shift"];
        ++seen[layer.attentionBias ? "attention bias" : "no attention bias"];
      }
    }
  }
  EXPECT_EQ(seen.size(), 4u + 14 + 3 + 6 + 4 + 3 + 8 + 11);
}

} // namespace
