// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file of tuned schedules, and what a model computes under every schedule that is worth a try.
#include "compiler/Driver/Compile.h"
#include "compiler/Driver/Explain.h"
#include "compiler/Spec/Reader.h"
#include "runtime/Artifact.h"
#include "runtime/Model.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"
#include "test/support/Native.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mblm;
using namespace mblm::test;
using driver::ProductKey;
using driver::TunedProduct;
using driver::TunedProducts;

namespace {

// Depths and columns beyond one step of every candidate; Mamba and attention around them.
const char *specText = R"({"format": 1, "name": "tuned", "vocab": 257, "pad": 256, "stages": [
    {"dim": 48, "length": 64, "position": "none", "layers": [{"block": "mamba2", "state": 16, "conv": 4, "expand": 2, "head_dim": 24}]},
    {"dim": 288, "length": 4, "position": "learned", "layers": [{"heads": 6, "head_dim": 48, "ff_mult": 2, "rotary": true}]}]})";

ProductKey keyOf(const std::string &op) { return {"znver9", "avx2", "f32", op, 768, 256}; }
TunedProduct productOf(int64_t rows, const std::string &date) {
  return {{rows, 0, 512}, {48, 0, 0}, 0.25, 0.5, 4100, 2, date};
}

struct Outcome {
  std::vector<float> gradients;
  float loss = 0;
};

Outcome run(const driver::NamedModel &model, const driver::Options &options, int threads) {
  rt::Model runs(rt::loadArtifact(driver::artifactFor(model, options), threads));
  runs.initialize(5);
  std::vector<int32_t> ids;
  for (int64_t n = 0; n < 2 * 61 * 4; ++n) {
    ids.push_back(int32_t(n * n % 251));
  }
  Outcome outcome;
  outcome.loss = runs.gradients({2, 61 * 4, ids.data(), nullptr}).loss;
  outcome.gradients.assign(runs.flat(rt::Flat::Grads), runs.flat(rt::Flat::Grads) + runs.info().parameterElements);
  return outcome;
}

double distance(const Outcome &x, const Outcome &y) {
  double most = std::abs(double(x.loss) - double(y.loss)), norm = 0, off = 0;
  for (size_t n = 0; n < x.gradients.size(); ++n) {
    norm += double(x.gradients[n]) * double(x.gradients[n]);
    off += std::pow(double(x.gradients[n]) - double(y.gradients[n]), 2);
  }
  return std::max(most, std::sqrt(off / norm));
}

class Tuned : public testing::TestWithParam<const char *> {};

TEST_P(Tuned, SchedulesWorthATryComputeTheSame) {
  std::string precision = GetParam();
  driver::NamedModel model;
  model.path = "tuned.json";
  model.spec = spec::parseSpec(specText, model.path);
  for (const std::string &level : hostLevels(precision == "bf16")) {
    driver::Options options;
    options.level = level;
    options.precision = precision;
    options.cache = "off";
    options.entries = {"gradients"};
    options.localLayers = "never"; // products that go together have the rows of their run
    TunedProducts none;
    options.schedules = &none;
    Outcome modelled = run(model, options, 2);
    std::map<ProductKey, std::vector<driver::Schedule>> ways;
    size_t most = 0;
    for (const driver::Explanation::Kernel &kernel : driver::explain(model, options, 2, 61).kernels) {
      EXPECT_FALSE(kernel.tuned);
      if (kernel.product) {
        ways[*kernel.product] = kernel.worthTrying;
        most = std::max(most, kernel.worthTrying.size());
        EXPECT_EQ(kernel.schedule, kernel.worthTrying.front());
      }
    }
    ASSERT_GE(ways.size(), 6u); // gemms, weights' gradients, the head and its gradient
    for (size_t n : {most / 2, most - 1}) {
      TunedProducts tuned;
      for (const auto &[key, schedules] : ways) {
        tuned.products[key].schedule = schedules[std::min(n, schedules.size() - 1)];
      }
      options.schedules = &tuned;
      Outcome two = run(model, options, 2), three = run(model, options, 3);
      EXPECT_LT(distance(modelled, two), precision == "bf16" ? 5e-3 : 1e-5) << level;
      EXPECT_TRUE(two.loss == three.loss && two.gradients == three.gradients) << level << ": threads change the numbers";
      bool all = true, any = false;
      for (const driver::Explanation::Kernel &kernel : driver::explain(model, options, 2, 61).kernels) {
        if (kernel.product) {
          all = all && kernel.tuned;
          any = any || !(kernel.schedule == kernel.worthTrying.front());
        }
      }
      EXPECT_TRUE(all && any) << level << ": schedules were not taken";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, Tuned, testing::Values("f32", "bf16"));

TEST(TunedFile, KeepsWhatItWasGiven) {
  std::string path = newArtifactPath();
  TunedProducts written;
  written.products[keyOf("gemm")] = productOf(96, "2026-01-02");
  written.products[keyOf("weight_gemm")] = productOf(192, "2026-01-03");
  written.write(path);
  TunedProducts read = TunedProducts::read(path);
  ASSERT_EQ(read.products.size(), 2u);
  const TunedProduct &product = read.products.at(keyOf("gemm"));
  EXPECT_EQ(product.schedule, (driver::Schedule{96, 0, 512}));
  EXPECT_EQ(product.modelled, (driver::Schedule{48, 0, 0}));
  EXPECT_EQ(std::tuple(product.seconds, product.modelledSeconds, product.rows, product.threads, product.date),
            std::tuple(0.25, 0.5, int64_t(4100), int64_t(2), "2026-01-02"));
}

TEST(TunedFile, MergesByDate) {
  TunedProducts mine, others;
  mine.products[keyOf("gemm")] = productOf(96, "2026-01-02");
  mine.products[keyOf("cross_entropy")] = productOf(96, "2026-01-02");
  others.products[keyOf("gemm")] = productOf(192, "2026-01-01");          // older
  others.products[keyOf("cross_entropy")] = productOf(192, "2026-01-03"); // newer
  others.products[keyOf("weight_gemm")] = productOf(192, "2026-01-01");   // new
  EXPECT_EQ(mine.merge(others), 2u);
  EXPECT_EQ(mine.products.at(keyOf("gemm")).schedule.rows, 96);
  EXPECT_EQ(mine.products.at(keyOf("cross_entropy")).schedule.rows, 192);
  EXPECT_EQ(mine.products.size(), 3u);
}

void expectRefusal(const std::string &text, Exit code, const std::string &message) {
  std::string path = newArtifactPath();
  rt::writeTextFile(path, text);
  try {
    TunedProducts::read(path);
    ADD_FAILURE() << "took " << text;
  } catch (const Error &error) {
    EXPECT_EQ(error.code, code) << error.what();
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
  }
}

TEST(TunedFile, RefusesWhatIsBrokenOrSomethingElse) {
  std::string product = R"({"cpu": "c", "level": "avx2", "precision": "f32", "op": "gemm", "columns": 8, "depth": 8,
    "schedule": {"rows": 48, "columns": 0, "depth": 0}, "modelled": {"rows": 48, "columns": 0, "depth": 0}, "seconds": 1,
    "modelled_seconds": 2, "rows": 9, "threads": 1, "date": "2026-01-01"})";
  auto file = [](const std::string &products) { return R"({"format": "mblm-tuned-1", "products": [)" + products + "]}"; };
  auto with = [&](const std::string &from, const std::string &to) {
    std::string text = product;
    return file(text.replace(text.find(from), from.size(), to));
  };
  expectRefusal(file(product).substr(0, 100), Exit::Integrity, ":1:101: not valid JSON");
  expectRefusal(R"({"format": 1, "products": []})", Exit::BadInput, "holds no tuned schedules");
  expectRefusal("[]", Exit::BadInput, "holds no tuned schedules");
  expectRefusal(R"({"format": "mblm-tuned-1"})", Exit::BadInput, "/products: expected a list");
  expectRefusal(file("3"), Exit::BadInput, "/products/0: expected an object");
  expectRefusal(with("\"cpu\": \"c\",", ""), Exit::BadInput, "/products/0/cpu: expected a text, got nothing");
  expectRefusal(with("\"columns\": 8", "\"columns\": -8"), Exit::BadInput, "/products/0/columns: expected a whole number that is not negative, got -8");
  expectRefusal(with("\"columns\": 8", "\"columns\": 9000000000000000"), Exit::BadInput, "expected at most 2^40");
  expectRefusal(with("\"rows\": 48", "\"rows\": 50"), Exit::BadInput,
                "/products/0/schedule: expects the CPU schedule's rows to be a multiple of 48, but got 50");
  expectRefusal(file(product + "," + product), Exit::BadInput, "/products/1: expected each product once, got gemm 8x8 (f32, avx2, c) again");
  try {
    TunedProducts::read("/nowhere/tuned.json");
    ADD_FAILURE();
  } catch (const Error &error) {
    EXPECT_EQ(error.code, Exit::FileIO);
  }
}

} // namespace
