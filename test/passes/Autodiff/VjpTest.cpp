// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every op's vector-Jacobian product against central differences, both in f64 on the interpreter. An op stands between
// an embedding and a head; each parameter element is moved to and fro.
#include "compiler/Interpreter/Interpreter.h"
#include "passes/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace mlir;
using namespace mblm;

namespace {

struct Snippet {
  const char *name;
  const char *body;             // from %x to %y, both tensor<?x?x6xf32>; %g, %b: [6], %w: [6, 6], %p: [7, 6]
  const char *entropy = "";     // attributes of cross_entropy
  const char *mean = "targets"; // kind and attributes of mean_loss
  const char *meanAttributes = "";
};

const Snippet snippets[] = {
    {"linear", "%y = mblm.linear %x, %w, %b : tensor<?x?x6xf32>, tensor<6x6xf32>, tensor<6xf32> -> tensor<?x?x6xf32>"},
    {"linear_transposed",
     "%y = mblm.linear %x, %w, %b {transposed} : tensor<?x?x6xf32>, tensor<6x6xf32>, tensor<6xf32> -> "
     "tensor<?x?x6xf32>"},
    {"norm_rms_clamp", "%y = mblm.norm rms_clamp %x, %g {eps = 1.0e-8 : f64} : tensor<?x?x6xf32>, tensor<6xf32> -> "
                       "tensor<?x?x6xf32>"},
    {"norm_rms_clamped", "%y = mblm.norm rms_clamp %x, %g {eps = 10.0 : f64} : tensor<?x?x6xf32>, tensor<6xf32> -> "
                         "tensor<?x?x6xf32>"},
    {"norm_rms",
     "%y = mblm.norm rms %x, %g {eps = 0.01 : f64} : tensor<?x?x6xf32>, tensor<6xf32> -> tensor<?x?x6xf32>"},
    {"norm_layer",
     "%y = mblm.norm layer %x, %g, %b {eps = 0.01 : f64} : tensor<?x?x6xf32>, tensor<6xf32>, tensor<6xf32> -> "
     "tensor<?x?x6xf32>"},
    {"gelu", "%y = mblm.activation gelu %x : tensor<?x?x6xf32>"},
    {"gelu_tanh", "%y = mblm.activation gelu_tanh %x : tensor<?x?x6xf32>"},
    {"norm_groups",
     "%y = mblm.norm rms %x, %g {eps = 0.01 : f64, groups = 3 : i64} : tensor<?x?x6xf32>, tensor<6xf32> -> "
     "tensor<?x?x6xf32>"},
    {"silu_multiply", "%1 = mblm.activation silu %x : tensor<?x?x6xf32>\n"
                      "%y = mblm.multiply %1, %x : tensor<?x?x6xf32>"},
    {"concat", "%1, %2 = mblm.split %x : tensor<?x?x6xf32> -> tensor<?x?x2xf32>, tensor<?x?x4xf32>\n"
               "%3 = mblm.activation silu %2 : tensor<?x?x4xf32>\n"
               "%y = mblm.concat %3, %1 : tensor<?x?x4xf32>, tensor<?x?x2xf32> -> tensor<?x?x6xf32>"},
    {"causal_conv", "%y = mblm.causal_conv %x, %w, %b : tensor<?x?x6xf32>, tensor<6x6xf32>, tensor<6xf32>"},
    {"selective_scan",
     "%d = mblm.linear %x, %w : tensor<?x?x6xf32>, tensor<6x6xf32> -> tensor<?x?x6xf32>\n"
     "%4 = mblm.load [@narrow] : tensor<6x2xf32>\n"
     "%5 = mblm.linear %x, %4 {transposed} : tensor<?x?x6xf32>, tensor<6x2xf32> -> tensor<?x?x2xf32>\n"
     "%6 = mblm.activation silu %5 : tensor<?x?x2xf32>\n"
     "%y = mblm.selective_scan %x, %d a %4 b %5 c %6 skip %b gate %d : tensor<?x?x6xf32>, tensor<6x2xf32>, "
     "tensor<?x?x2xf32>, tensor<6xf32>, tensor<?x?x6xf32>"},
    {"ssd", "%3 = mblm.load [@narrow] : tensor<6x2xf32>\n"
            "%4 = mblm.linear %x, %3 {transposed} : tensor<?x?x6xf32>, tensor<6x2xf32> -> tensor<?x?x2xf32>\n"
            "%5 = mblm.linear %x, %w : tensor<?x?x6xf32>, tensor<6x6xf32> -> tensor<?x?x6xf32>\n"
            "%6 = mblm.load [@decay] : tensor<2xf32>\n"
            "%7 = mblm.load [@skip] : tensor<2xf32>\n"
            "%y = mblm.ssd %x, %4 bias %7 a %6 b %5 c %x skip %7 {groups = 2 : i64, chunk = 3 : i64} : "
            "tensor<?x?x6xf32>, tensor<?x?x2xf32>, tensor<2xf32>, tensor<?x?x6xf32>, tensor<2xf32>"},
    {"position", "%y = mblm.position %x, %p : tensor<?x?x6xf32>, tensor<7x6xf32> -> tensor<?x?x6xf32>"},
    {"add_twice", "%y = mblm.add %x, %x : tensor<?x?x6xf32>"},
    {"token_shift", "%y = mblm.token_shift %x : tensor<?x?x6xf32>"},
    {"token_shift_reverse", "%y = mblm.token_shift %x {reverse} : tensor<?x?x6xf32>"},
    {"rope_half_split", "%y = mblm.rope half_split %x {heads = 3 : i64} : tensor<?x?x6xf32>"},
    {"rope_interleaved", "%y = mblm.rope interleaved %x {base = 7.0 : f64} : tensor<?x?x6xf32>"},
    {"rope_inverse", "%y = mblm.rope half_split %x {inverse} : tensor<?x?x6xf32>"},
    {"attention_causal", "%k = mblm.linear %x, %w : tensor<?x?x6xf32>, tensor<6x6xf32> -> tensor<?x?x6xf32>\n"
                         "%v = mblm.token_shift %k : tensor<?x?x6xf32>\n"
                         "%y, %lse = mblm.attention %x, %k, %v mask(causal) {heads = 2 : i64, scale = 0.5 : f64} : "
                         "tensor<?x?x6xf32>, tensor<?x?x2xf32>"},
    {"attention_full", "%k = mblm.linear %x, %w : tensor<?x?x6xf32>, tensor<6x6xf32> -> tensor<?x?x6xf32>\n"
                       "%y, %lse = mblm.attention %x, %k, %k mask(full) {heads = 3 : i64, scale = 0.7 : f64} : "
                       "tensor<?x?x6xf32>, tensor<?x?x3xf32>"},
    {"attention_block_causal",
     "%k = mblm.linear %x, %w : tensor<?x?x6xf32>, tensor<6x6xf32> -> tensor<?x?x6xf32>\n"
     "%y, %lse = mblm.attention %k, %x, %k mask(block_causal, 2) {heads = 1 : i64, scale = 0.7 : "
     "f64} : tensor<?x?x6xf32>, tensor<?x?x1xf32>"},
    {"regroup", "%1 = mblm.regroup %x : tensor<?x?x6xf32> -> tensor<?x2x6xf32>\n"
                "%2 = mblm.token_shift %1 : tensor<?x2x6xf32>\n"
                "%y = mblm.regroup %2 : tensor<?x2x6xf32> -> tensor<?x?x6xf32>"},
    {"start_token_slice", "%1 = mblm.start_token %x, %g : tensor<?x?x6xf32>, tensor<6xf32> -> tensor<?x?x6xf32>\n"
                          "%y = mblm.slice %1 {after = 1 : i64} : tensor<?x?x6xf32> -> tensor<?x?x6xf32>"},
    {"next_byte", "%1 = mblm.regroup %x : tensor<?x?x6xf32> -> tensor<?x2x6xf32>\n"
                  "%2 = mblm.start_token %1, %g : tensor<?x2x6xf32>, tensor<6xf32> -> tensor<?x3x6xf32>\n"
                  "%3 = mblm.activation gelu %2 : tensor<?x3x6xf32>\n"
                  "%y = mblm.next_byte %3 : tensor<?x3x6xf32> -> tensor<?x?x6xf32>"},
    {"split",
     "%1, %2, %3 = mblm.split %x : tensor<?x?x6xf32> -> tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>\n"
     "%4 = mblm.activation gelu %2 : tensor<?x?x2xf32>\n"
     "%5 = mblm.add %1, %4 : tensor<?x?x2xf32>\n"
     "%6 = mblm.add %5, %3 : tensor<?x?x2xf32>\n"
     "%7 = mblm.load [@narrow] : tensor<6x2xf32>\n"
     "%y = mblm.linear %6, %7 : tensor<?x?x2xf32>, tensor<6x2xf32> -> tensor<?x?x6xf32>"},
    {"embed_patches",
     "%1 = mblm.load [@narrow] : tensor<6x2xf32>\n"
     "%2 = mblm.embed %ids, %1 {bytes = 2 : i64} : tensor<?x?xi32>, tensor<6x2xf32> -> tensor<?x?x4xf32>\n"
     "%3 = mblm.load [@patch] : tensor<12x4xf32>\n"
     "%4 = mblm.linear %2, %3 : tensor<?x?x4xf32>, tensor<12x4xf32> -> tensor<?x?x12xf32>\n"
     "%5 = mblm.regroup %4 : tensor<?x?x12xf32> -> tensor<?x?x6xf32>\n"
     "%y = mblm.add %x, %5 : tensor<?x?x6xf32>"},
    {"ngrams",
     "%1 = mblm.load [@patch] : tensor<12x4xf32>\n"
     "%2 = mblm.ngram_rows %ids vocab 6 {sizes = array<i64: 2>, functions = 1 : i64, rows = 6 : i64} : tensor<?x?xi32> -> "
     "tensor<?x?xi32>\n"
     "%3 = mblm.embed_bag %2, %1 bag 2 : tensor<?x?xi32>, tensor<12x4xf32> -> tensor<?x?x4xf32>\n"
     "%4 = mblm.linear %3, %1 : tensor<?x?x4xf32>, tensor<12x4xf32> -> tensor<?x?x12xf32>\n"
     "%5, %6 = mblm.split %4 : tensor<?x?x12xf32> -> tensor<?x?x6xf32>, tensor<?x?x6xf32>\n"
     "%7 = mblm.multiply %5, %6 : tensor<?x?x6xf32>\n"
     "%y = mblm.add %x, %7 : tensor<?x?x6xf32>"},
    {"ranged_attention",
     "%1 = mblm.visible_bytes %ids window 3 end 2 : tensor<?x?xi32> -> tensor<?x?xi32>\n"
     "%2 = mblm.load [@narrow] : tensor<6x2xf32>\n"
     "%k = mblm.linear %x, %2 {transposed} : tensor<?x?x6xf32>, tensor<6x2xf32> -> tensor<?x?x2xf32>\n"
     "%y, %lse = mblm.ranged_attention %x, %k, %k in %1 {heads = 3 : i64, kv_heads = 1 : i64, scale = 0.7 : f64} : "
     "tensor<?x?x6xf32>, tensor<?x?x2xf32>, tensor<?x?xi32> -> tensor<?x?x3xf32>"},
    // Every position is a patch of its own.
    {"pool_and_spread",
     "%1 = mblm.visible_bytes %ids window 1 : tensor<?x?xi32> -> tensor<?x?xi32>\n"
     "%2 = mblm.pool max %x over %1 of %1 : tensor<?x?x6xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x6xf32>\n"
     "%3 = mblm.pool mean %x over %1 of %1 : tensor<?x?x6xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x6xf32>\n"
     "%4 = mblm.multiply %2, %3 : tensor<?x?x6xf32>\n"
     "%y = mblm.spread %4 by %1 of %1 {mean} : tensor<?x?x6xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x6xf32>"},
    {"loss_weighted", "%y = mblm.token_shift %x : tensor<?x?x6xf32>", "", "weighted"},
    {"entropy_ignore", "%y = mblm.token_shift %x : tensor<?x?x6xf32>", "{ignore = 3 : i64}", "nonzero",
     "{ignore = 3 : i64}"},
    {"entropy_offset",
     "%1 = mblm.token_shift %x : tensor<?x?x6xf32>\n"
     "%y = mblm.slice %1 {after = 1 : i64} : tensor<?x?x6xf32> -> tensor<?x?x6xf32>",
     "{offset = 1 : i64, ignore = 3 : i64}", "targets", "{offset = 1 : i64, ignore = 3 : i64}"},
};

// Loads of parameters that a snippet does not use are dead and have no gradient: zero, as the differences say too.
const char *const frame = R"(
module attributes {{mblm.inner = 1 : i64} {{
  mblm.parameter @table at 0 : tensor<6x6xf32>
  mblm.parameter @gain at 36 : tensor<6xf32>
  mblm.parameter @bias at 42 : tensor<6xf32>
  mblm.parameter @weight at 48 : tensor<6x6xf32>
  mblm.parameter @positions at 84 : tensor<7x6xf32>
  mblm.parameter @head at 126 : tensor<6x6xf32>
  mblm.parameter @narrow at 162 : tensor<6x2xf32>
  mblm.parameter @patch at 174 : tensor<12x4xf32>
  mblm.parameter @decay at 222 : tensor<2xf32>
  mblm.parameter @skip at 224 : tensor<2xf32>
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {{
    %table = mblm.load [@table] : tensor<6x6xf32>
    %g = mblm.load [@gain] : tensor<6xf32>
    %b = mblm.load [@bias] : tensor<6xf32>
    %w = mblm.load [@weight] : tensor<6x6xf32>
    %p = mblm.load [@positions] : tensor<7x6xf32>
    %head = mblm.load [@head] : tensor<6x6xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<6x6xf32> -> tensor<?x?x6xf32>
    {0}
    %logits = mblm.linear %y, %head : tensor<?x?x6xf32>, tensor<6x6xf32> -> tensor<?x?x6xf32>
    %tokens, %z = mblm.cross_entropy %logits, %ids {1} : tensor<?x?x6xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %l, %s, %c = mblm.mean_loss {2} %tokens, %mask, %ids {3} : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %l, %s, %c : tensor<f32>, tensor<f32>, tensor<f32>
  }
}
)";

class Vjp : public testing::TestWithParam<Snippet> {};

TEST_P(Vjp, MatchesCentralDifferences) {
  const Snippet &snippet = GetParam();
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<MBLMDialect, func::FuncDialect>();
  std::string text = llvm::formatv(frame, snippet.body, snippet.entropy, snippet.mean, snippet.meanAttributes).str();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module) << text;
  PassManager passes(&context);
  passes.addPass(createDifferentiatePass());
  ASSERT_TRUE(succeeded(passes.run(*module)));

  Interpreter interpreter(*module);
  std::vector<double> &parameters = interpreter.stores().parameters;
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(-1, 1);
  parameters.resize(interpreter.parameterElements());
  for (double &parameter : parameters) {
    parameter = uniform(random);
  }
  std::vector<double> &gradients = interpreter.stores().gradients;
  gradients.assign(parameters.size(), 0);
  std::vector<Tensor> inputs{Tensor::ids({2, 4}, {0, 5, 3, 2, 1, 3, 3, 4}),
                             Tensor::floats({2, 4}, {1, 1, 0.5, 1, 0, 1, 2, 1})};
  constexpr double scale = 3, h = 1e-4;
  std::vector<Tensor> withScale = inputs;
  withScale.push_back(Tensor::scalar(scale));
  interpreter.call("gradients", withScale);

  double largest = 0;
  for (size_t n = 0; n < parameters.size(); ++n) {
    double kept = parameters[n];
    parameters[n] = kept + h;
    double above = interpreter.call("loss", inputs)[0].f[0];
    parameters[n] = kept - h;
    double below = interpreter.call("loss", inputs)[0].f[0];
    parameters[n] = kept;
    EXPECT_NEAR(gradients[n], scale * (above - below) / (2 * h), 1e-6) << "element " << n;
    largest = std::max(largest, std::abs(gradients[n]));
  }
  EXPECT_GT(largest, 1e-2);
}

INSTANTIATE_TEST_SUITE_P(Autodiff, Vjp, testing::ValuesIn(snippets),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
