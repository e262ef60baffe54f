// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Single mixers against recorded ones, with every option that no recorded language model has: results and gradients.
#include "compiler/Frontend/Builders.h"
#include "compiler/Frontend/Frontend.h"
#include "compiler/Frontend/ModelInfo.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Spec/Import.h"
#include "runtime/Safetensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <unistd.h>

using namespace mlir;
using namespace mblm;

namespace {

// The recorded mixer as the only layer of a language model of mamba_ssm, without norms.
spec::Spec specOf(const std::string &folder, const std::string &kind) {
  std::ifstream file(folder + "/config.json");
  nlohmann::json mixer = nlohmann::json::parse(file);
  nlohmann::json config = {{"d_model", mixer["d_model"]}, {"n_layer", 1}, {"vocab_size", 8}};
  for (const char *key : {"d_model", "d_inner", "dt_rank_resolved"}) {
    mixer.erase(key);
  }
  mixer["layer"] = kind;
  config["ssm_cfg"] = mixer;
  std::string path = testing::TempDir() + "block" + std::to_string(getpid()) + ".json";
  std::ofstream(path) << config;
  spec::Spec spec = spec::importConfig("mamba", path);
  std::remove(path.c_str());
  spec.stages[0].layers[0].norm = spec::Norm::None;
  spec.stages[0].finalNorm = spec::Norm::None;
  return spec;
}

// Results of @block(x, dy): the layer's result, the gradient of x, and those of its parameters by name.
std::vector<std::string> addBlock(ModuleOp module, const spec::Spec &spec) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  int64_t dynamic = ShapedType::kDynamic;
  Type type = RankedTensorType::get({dynamic, dynamic, spec.stages[0].dim}, builder.getF32Type());
  auto function = func::FuncOp::create(builder, module.getLoc(), "block", builder.getFunctionType({type, type}, type));
  Block *body = function.addEntryBlock();
  frontend::ParameterTable parameters(spec);
  frontend::Graph graph(spec, parameters, OpBuilder::atBlockEnd(body));
  Value result = frontend::buildMambaLayer(graph, 0, 0, body->getArgument(0));

  llvm::DenseMap<Value, Value> grads;
  grads[result] = body->getArgument(1);
  SmallVector<Value> returned{result};
  SmallVector<Operation *> ops = llvm::map_to_vector(*body, [](Operation &op) { return &op; });
  for (Operation *op : llvm::reverse(ops)) {
    if (isa<LoadOp>(op)) {
      continue;
    }
    SmallVector<Value> resultGrads = llvm::map_to_vector(op->getResults(), [&](Value v) { return grads.lookup(v); });
    SmallVector<Value> operandGrads;
    EXPECT_TRUE(succeeded(cast<DifferentiableOpInterface>(op).buildVjp(graph.builder, resultGrads, operandGrads)));
    for (auto [operand, grad] : llvm::zip_equal(op->getOperands(), operandGrads)) {
      Value &sum = grads[operand];
      sum = sum ? graph.add("sum", sum, grad) : grad;
    }
  }
  returned.push_back(grads[body->getArgument(0)]);
  std::vector<std::string> names;
  for (Operation *op : ops) {
    if (auto load = dyn_cast<LoadOp>(op)) {
      names.push_back(cast<FlatSymbolRefAttr>(load.getParameters()[0]).getValue().str());
      returned.push_back(grads[load]);
    }
  }
  func::ReturnOp::create(graph.builder, module.getLoc(), returned);
  function.setFunctionType(builder.getFunctionType({type, type}, TypeRange(ValueRange(returned))));
  return names;
}

Tensor read(const rt::SafetensorsFile &file, const std::string &name) {
  std::vector<float> values = file.floats(name);
  return Tensor::floats(file.get(name).shape, {values.begin(), values.end()});
}

void expectNear(const std::vector<double> &got, const std::vector<double> &expected, const std::string &what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  double largest = 0, difference = 0;
  for (size_t n = 0; n < got.size(); ++n) {
    largest = std::max(largest, std::abs(expected[n]));
    difference = std::max(difference, std::abs(got[n] - expected[n]));
  }
  EXPECT_LE(difference, 1e-5 * largest) << what << ", largest " << largest;
}

struct Case {
  const char *name;
  const char *kind;
};

class MambaBlock : public testing::TestWithParam<Case> {};

TEST_P(MambaBlock, MatchesTheRecordedMixer) {
  std::string folder = std::string("test/golden/megabyte/") + GetParam().name;
  spec::Spec spec = specOf(folder, GetParam().kind);
  MLIRContext context(MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = buildModule(spec, context);
  std::vector<std::string> names = addBlock(*module, spec);
  ASSERT_TRUE(succeeded(verify(*module)));

  rt::SafetensorsFile weights(folder + "/weights.safetensors"), io(folder + "/io.safetensors");
  const std::string prefix = "backbone.layers.0.mixer.";
  Interpreter interpreter(*module);
  std::vector<double> &store = interpreter.stores().parameters;
  store.resize(interpreter.parameterElements());
  for (const rt::Parameter &parameter : makeModelInfo(spec).parameters) {
    if (parameter.name.rfind(prefix, 0) == 0) {
      Tensor values = read(weights, parameter.name.substr(prefix.size()));
      ASSERT_EQ(values.shape, parameter.shape) << parameter.name;
      llvm::copy(values.f, store.begin() + parameter.offset);
    }
  }
  Tensor x = read(io, "x"), dy = read(io, "dy");
  std::vector<Tensor> results = interpreter.call("block", {x, dy});
  for (size_t n = 0; n < x.f.size(); ++n) { // without the residual
    results[0].f[n] -= x.f[n];
    results[1].f[n] -= dy.f[n];
  }
  expectNear(results[0].f, read(io, "y").f, "y");
  expectNear(results[1].f, read(io, "grad.x").f, "grad.x");
  EXPECT_EQ(names.size(), weights.tensors().size());
  for (size_t n = 0; n < names.size(); ++n) {
    std::string grad = "grad." + names[n].substr(prefix.size());
    expectNear(results[2 + n].f, read(io, grad).f, grad);
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, MambaBlock,
                         testing::Values(Case{"mamba1_block", "Mamba1"}, Case{"mamba1_block_bias", "Mamba1"},
                                         Case{"mamba2_block", "Mamba2"}, Case{"mamba2_block_dtlimit_nonorm", "Mamba2"},
                                         Case{"mamba2_block_groups_mlp", "Mamba2"}),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
