// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What buildModule makes of a spec: it verifies, its sizes are forms of B and M, and it holds the ops that the spec
// asks for.
#include "compiler/Frontend/Frontend.h"
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Spec/Import.h"
#include "compiler/Spec/Reader.h"
#include "dialects/MBLM/IR/MBLMOps.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

using namespace mlir;
using namespace mblm;

namespace {

struct Config {
  const char *format;
  const char *path;
};

const Config configs[] = {
    {"mblm", "test/golden/mblm/d01_1d_t_fixed/config.json"},
    {"mblm", "test/golden/mblm/d06_2d_tt_nopos1_pad_long/config.json"},
    {"mblm", "test/golden/mblm/d09_3d_ttt_fixed_exact/config.json"},
    {"mblm", "test/golden/mblm/d12_2d_tt_rope_lossmask/config.json"},
    {"megabyte", "test/golden/megabyte/mega_3s_relpos/config.json"},
    {"megabyte", "test/golden/megabyte/mega_intdim_odd_pad257/config.json"},
    {"transformer", "test/golden/megabyte/byte_transformer_gpt2/config.json"},
    {"mblm", "test/golden/mblm/d11_3d_mmt_pad/config.json"},
    {"mblm", "test/golden/mblm/m2_d3_3d_mtt/config.json"},
    {"mamba", "test/golden/megabyte/mamba_lm_rms_tied/config.json"},
    {"mamba", "test/golden/megabyte/mamba2_lm/config.json"},
    {"perceiver-ar", "test/golden/megabyte/perceiver_ar/config.json"},
};

template <typename OpTy>
int64_t count(func::FuncOp function) {
  int64_t n = 0;
  function.walk([&](OpTy) { ++n; });
  return n;
}

class EveryConfig : public testing::TestWithParam<Config> {};

TEST_P(EveryConfig, MakesAModuleThatVerifies) {
  spec::Spec spec = spec::importConfig(GetParam().format, GetParam().path);
  MLIRContext context;
  OwningOpRef<ModuleOp> module = buildModule(spec, context);
  ASSERT_TRUE(succeeded(verify(*module)));
  std::set<std::string> functions;
  for (auto function : module->getOps<func::FuncOp>()) {
    functions.insert(function.getName().str());
  }
  std::set<std::string> expected{"forward", "hidden", "loss"};
  if (spec.startToken) {
    expected.insert("empty");
  }
  EXPECT_EQ(functions, expected);
  EXPECT_EQ((*module)->getAttrOfType<IntegerAttr>("mblm.inner").getInt(), spec.bytesPerSlot(0));
}

TEST_P(EveryConfig, LaysParametersOutAsTheRuntimeExpects) {
  spec::Spec spec = spec::importConfig(GetParam().format, GetParam().path);
  MLIRContext context;
  OwningOpRef<ModuleOp> module = buildModule(spec, context);
  rt::ModelInfo info = makeModelInfo(spec);
  size_t next = 0;
  for (auto parameter : module->getOps<ParameterOp>()) {
    ASSERT_LT(next, info.parameters.size());
    EXPECT_EQ(parameter.getSymName().str(), info.parameters[next].name);
    EXPECT_EQ(int64_t(parameter.getOffset()), info.parameters[next].offset);
    std::vector<int64_t> shape = info.parameters[next].shape;
    if (shape.size() == 3) {
      shape.erase(shape.begin() + 1); // taps of a convolution, [C, 1, taps] in files
    }
    EXPECT_EQ(cast<RankedTensorType>(parameter.getType()).getShape(), ArrayRef<int64_t>(shape));
    ++next;
  }
  EXPECT_EQ(next, info.parameters.size());
}

TEST_P(EveryConfig, SeesNoByteBeforeItPredictsIt) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = buildModule(spec::importConfig(GetParam().format, GetParam().path), context);
  PassManager passes(&context);
  passes.addPass(createCheckCausalityPass());
  EXPECT_TRUE(succeeded(passes.run(*module)));
}

TEST_P(EveryConfig, NamesEveryOpAfterItsPlaceInTheSpec) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = buildModule(spec::importConfig(GetParam().format, GetParam().path), context);
  module->walk([](Operation *op) {
    auto name = dyn_cast<NameLoc>(op->getLoc());
    ASSERT_TRUE(name) << op->getName().getStringRef().str();
    EXPECT_TRUE(name.getName().getValue().starts_with("/"));
  });
}

TEST_P(EveryConfig, AllSizesAreFormsOfBatchAndSlots) {
  spec::Spec spec = spec::importConfig(GetParam().format, GetParam().path);
  MLIRContext context;
  OwningOpRef<ModuleOp> module = buildModule(spec, context);
  SymbolicDim bytes = *SymbolicDim::slots().times(SymbolicDim::constant(spec.bytesPerSlot(0)));
  for (auto function : module->getOps<func::FuncOp>()) {
    llvm::DenseMap<Value, SymbolicShape> shapes;
    for (Value argument : function.getArguments()) {
      shapes[argument] = {SymbolicDim::batch(), bytes};
    }
    function.walk([&](SymbolicShapeOpInterface op) {
      SmallVector<SymbolicShape> operands, results;
      for (Value operand : op->getOperands()) {
        operands.push_back(shapes.lookup(operand));
      }
      ASSERT_TRUE(succeeded(op.inferSymbolicShapes(operands, results))) << op->getName().getStringRef().str();
      for (auto [result, shape] : llvm::zip_equal(op->getResults(), results)) {
        shapes[result] = shape;
      }
    });
    if (function.getName() == "forward") {
      Value logits = function.front().getTerminator()->getOperand(0);
      SymbolicDim rows = bytes + SymbolicDim::constant(-spec.prefix.value_or(0));
      EXPECT_TRUE(shapes[logits] == (SymbolicShape{SymbolicDim::batch(), rows, SymbolicDim::constant(spec.vocab)}));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Frontend, EveryConfig, testing::ValuesIn(configs),
                         [](const auto &info) { return "config" + std::to_string(info.index); });

TEST(Frontend, EveryModelOfTheZooDifferentiates) {
  size_t models = 0;
  for (const auto &entry : std::filesystem::directory_iterator("models")) {
    if (entry.path().extension() != ".json" || entry.path().stem() == "schema") {
      continue;
    }
    MLIRContext context;
    spec::Spec spec = spec::readSpec(entry.path().string());
    OwningOpRef<ModuleOp> module = buildModule(spec, context);
    PassManager passes(&context);
    // Patches' borders only the data knows: steps that see no later byte give the same there. Masked models look to both sides.
    if (!spec.patches && !spec.isMasked()) {
      passes.addPass(createCheckCausalityPass());
    }
    passes.addPass(createDifferentiatePass());
    ASSERT_TRUE(succeeded(passes.run(*module))) << entry.path();
    // Each parameter has its gradient, once.
    std::multiset<std::string> due, given;
    for (auto parameter : module->getOps<ParameterOp>()) {
      due.insert(parameter.getSymName().str());
    }
    module->lookupSymbol<func::FuncOp>("train_step").walk([&](GradientOp gradient) {
      for (auto name : gradient.getParameters().getAsRange<FlatSymbolRefAttr>()) {
        given.insert(name.getValue().str());
      }
    });
    EXPECT_EQ(due, given) << entry.path();
    ++models;
  }
  EXPECT_GT(models, 0u);
}

TEST(Frontend, OneProductForQueryKeyAndValue) {
  spec::Spec spec = spec::importConfig("mblm", "test/golden/mblm/d01_1d_t_fixed/config.json");
  MLIRContext context;
  OwningOpRef<ModuleOp> module = buildModule(spec, context);
  auto forward = module->lookupSymbol<func::FuncOp>("forward");
  int64_t layers = spec.stages[0].layers.size();
  EXPECT_EQ(count<LinearOp>(forward), 4 * layers + 1); // qkv, out, two of the feed-forward; the head
  EXPECT_EQ(count<RopeOp>(forward), 2 * layers);
  EXPECT_EQ(count<TokenShiftOp>(forward), 2 * layers);
  EXPECT_EQ(count<NormOp>(forward), 2 * layers + 1);
  EXPECT_EQ(count<PositionOp>(forward), 1);
}

TEST(Frontend, MambaLayers) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = buildModule(spec::readSpec("models/mblm-4d-mix-tiny.json"), context);
  auto forward = module->lookupSymbol<func::FuncOp>("forward");
  EXPECT_EQ(count<SelectiveScanOp>(forward), 2);
  EXPECT_EQ(count<SsdOp>(forward), 3);
  EXPECT_EQ(count<CausalConvOp>(forward), 5);
  EXPECT_EQ(count<AttentionOp>(forward), 3);
}

TEST(Frontend, TheRowOfPaddingIdxIsFrozen) {
  MLIRContext context;
  spec::Spec spec = spec::readSpec("models/mambabyte-353m-tiny.json");
  spec.frozen = 3;
  OwningOpRef<ModuleOp> module = buildModule(spec, context);
  module->walk([](EmbedOp op) { EXPECT_EQ(op.getSkip(), 3u); });
  EXPECT_EQ(makeModelInfo(spec).parameters[0].zeroRow, 3);
}

TEST(Frontend, PadRowsOfByteTablesAreFrozenForMblmOnly) {
  MLIRContext context;
  auto skips = [&](const char *format, const char *path) {
    int64_t n = 0;
    buildModule(spec::importConfig(format, path), context)->walk([&](EmbedOp op) { n += op.getSkip().has_value(); });
    return n;
  };
  EXPECT_GT(skips("mblm", configs[1].path), 0);
  EXPECT_EQ(skips("megabyte", configs[4].path), 0);
}

TEST(Frontend, TheTiedHeadReadsTheByteTable) {
  MLIRContext context;
  OwningOpRef<ModuleOp> module = buildModule(spec::importConfig("transformer", configs[6].path), context);
  auto loss = module->lookupSymbol<func::FuncOp>("loss");
  EmbedOp embed = *loss.getOps<EmbedOp>().begin();
  CrossEntropyOp entropy = *loss.getOps<CrossEntropyOp>().begin();
  auto head = entropy.getLogits().getDefiningOp<LinearOp>();
  EXPECT_EQ(head.getWeight(), embed.getTable());
  EXPECT_EQ(entropy.getOffset(), 1u); // byte 0 is given, not predicted
}

TEST(Frontend, DropoutIsInTheLossOfTrainingAlone) {
  spec::Spec spec = spec::importConfig("mblm", configs[1].path);
  auto dropouts = [](func::FuncOp function) {
    int64_t n = count<DropoutOp>(function);
    function.walk([&](AttentionOp op) { n += op.getDropoutKey() != nullptr; });
    return n;
  };
  MLIRContext context;
  EXPECT_FALSE(buildModule(spec, context)->lookupSymbol("train_loss"));
  int64_t expected = 0;
  for (spec::Layer &layer : spec.stages[1].layers) {
    layer.ffDropout = 0.1;
    layer.attnDropout = 0.2;
    expected += 2;
  }
  OwningOpRef<ModuleOp> module = buildModule(spec, context);
  std::set<uint64_t> sites;
  for (auto function : module->getOps<func::FuncOp>()) {
    EXPECT_EQ(dropouts(function), function.getName() == "train_loss" ? expected : 0) << function.getName().str();
    function.walk([&](DropoutOp op) {
      EXPECT_EQ(op.getRate().convertToDouble(), 0.1);
      sites.insert(op.getSite());
    });
    function.walk([&](AttentionOp op) {
      if (op.getDropoutKey()) {
        EXPECT_EQ(op.getRate()->convertToDouble(), 0.2);
        sites.insert(*op.getSite());
      }
    });
  }
  EXPECT_EQ(int64_t(sites.size()), expected) << "each has a site of its own";
  // Gradients take the key; the function that they come from is gone.
  PassManager passes(&context);
  passes.addPass(createDifferentiatePass());
  ASSERT_TRUE(succeeded(passes.run(*module)));
  EXPECT_FALSE(module->lookupSymbol("train_loss"));
  EXPECT_EQ(module->lookupSymbol<func::FuncOp>("loss").getNumArguments(), 2u);
  EXPECT_EQ(module->lookupSymbol<func::FuncOp>("gradients").getNumArguments(), 4u);
  EXPECT_EQ(module->lookupSymbol<func::FuncOp>("train_step").getNumArguments(), 6u);
}

// Also in the canonical text that is compiled, where the two equal layers are one entry.
TEST(Frontend, KnowsWhereInTheFileEveryOpStands) {
  std::string path = testing::TempDir() + "/places.json";
  std::ofstream(path) << "\n{ \"vocab\": 256, \"stages\": [\n"
                         "  { \"dim\": 8, \"length\": 4, \"layers\": [\n"
                         "      { \"heads\": 1, \"head_dim\": 4 },\n"
                         "      { \"heads\": 1, \"head_dim\": 4 } ] } ],\n"
                         "  \"name\": \"x\", \"start_token\": false, \"format\": 1 }\n";
  spec::Spec spec = spec::readSpec(path);
  for (bool canonical : {false, true}) {
    MLIRContext context;
    OwningOpRef<ModuleOp> module = buildModule(canonical ? spec::canonicalSpec(spec, "other") : spec, context);
    std::map<std::string, std::string> found;
    module->walk([&](Operation *op) {
      auto place = op->getLoc()->findInstanceOf<FileLineColLoc>();
      ASSERT_TRUE(place) << op->getName().getStringRef().str();
      EXPECT_EQ(place.getFilename().str(), path);
      found[cast<NameLoc>(op->getLoc()).getName().str()] =
          std::to_string(place.getLine()) + ":" + std::to_string(place.getColumn());
    });
    EXPECT_EQ(found["/stages/0/layers/0/attention"], "4:7");
    EXPECT_EQ(found["/stages/0/layers/1/attention"], "5:7");
    EXPECT_EQ(found["/stages/0/embedding"], "3:3");
    EXPECT_EQ(found["/head/logits"], "2:1");
    EXPECT_EQ(found["/loss"], "2:1");
  }
  MLIRContext context;
  spec = spec::parseSpec(spec.text, "an artifact");
  buildModule(spec, context)->walk([](Operation *op) { EXPECT_FALSE(op->getLoc()->findInstanceOf<FileLineColLoc>()); });
}

} // namespace
