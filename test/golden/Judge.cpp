// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/golden/Judge.h"
#include "test/support/Norm.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>

using namespace mblm::golden;
using mblm::test::norm;

// The first difference beyond |a - b| <= absolute + relative * |b|, and the worst one.
static void expectClose(const float *got, const float *expected, int64_t n, double absolute, double relative,
                        const std::string &what) {
  double worst = 0;
  int64_t first = -1;
  for (int64_t i = 0; i < n; ++i) {
    double difference = std::abs(double(got[i]) - expected[i]);
    if (!(difference <= absolute + relative * std::abs(double(expected[i]))) && first < 0) {
      first = i;
    }
    worst = std::max(worst, difference);
  }
  EXPECT_LT(first, 0) << what << ": element " << first << " of " << n << " is " << got[std::max<int64_t>(first, 0)]
                      << ", expected " << expected[std::max<int64_t>(first, 0)] << "; worst difference " << worst;
}

static bool startsWith(const std::string &text, const char *prefix) { return text.rfind(prefix, 0) == 0; }

namespace {

// Gradients that are 0 in exact arithmetic (of scores where softmax sees one key) are what rounding leaves, here and there.
constexpr double roundingOfOne = 0x1p-24;

struct WideJudge final : Judge {
  explicit WideJudge(const Tolerances &tolerances) : tolerances(tolerances) {}

  void compare(const CaseName &, const std::string &what, const float *got, const float *expected,
               int64_t count) const override {
    if (startsWith(what, "grad.")) {
      double size = norm(expected, nullptr, count);
      EXPECT_LE(norm(got, expected, count), tolerances.gradients * size + roundingOfOne) << what << ", whose norm is " << size;
    } else if (what == "loss" || what == "grad_norm") {
      expectClose(got, expected, count, what == "loss" ? tolerances.loss : tolerances.gradNorm, 0, what);
    } else {
      double tolerance = startsWith(what, "update.") ? tolerances.weights : tolerances.logits;
      expectClose(got, expected, count, tolerance, tolerance, what);
    }
  }

  void compareChoices(const CaseName &, const std::string &what, int64_t others, int64_t count) const override {
    EXPECT_EQ(others, 0) << what << ", of " << count << " chosen bytes";
  }

  Tolerances tolerances;
};

// Ours and PyTorch's deviations are samples of the same noise: kernels round once behind all that is fused into them, and
// elsewhere. Of many numbers the samples come out alike; one number may be near the right one by luck in all recorded runs.
double timesRecorded(int64_t count) { return count > 1 ? 2 : 4; }

struct HalfJudge final : Judge {
  void compare(const CaseName &name, const std::string &what, const float *got, const float *expected,
               int64_t count) const override {
    const nlohmann::json &off = recorded(name, what);
    double size = timesRecorded(count) * norm(expected, nullptr, count);
    EXPECT_LE(norm(got, expected, count), off.at(0).get<double>() * size + 1e-8) << what << ", by its norm";
    if (startsWith(what, "update.")) {
      return; // Adam's step is as long for a gradient of nothing but noise as for any other
    }
    double worst = 0;
    for (int64_t i = 0; i < count; ++i) {
      double difference = std::abs(double(got[i]) - expected[i]);
      worst = difference <= worst ? worst : difference;
    }
    EXPECT_LE(worst, off.at(1).get<double>() * size / std::sqrt(double(count)) + 1e-8) << what << ", by its worst element";
  }

  void compareChoices(const CaseName &name, const std::string &what, int64_t others, int64_t count) const override {
    EXPECT_LE(others, recorded(name, what + " choices").at(0).get<int64_t>()) << what << ", of " << count << " chosen bytes";
  }

  static const nlohmann::json &recorded(const CaseName &name, const std::string &what) {
    static const nlohmann::json cases = nlohmann::json::parse(std::ifstream("test/golden/bf16.json"));
    return cases.at(name.pack + "/" + name.name).at(what);
  }
};

} // namespace

std::shared_ptr<const Judge> mblm::golden::within(const Tolerances &tolerances) {
  return std::make_shared<WideJudge>(tolerances);
}

std::shared_ptr<const Judge> mblm::golden::withinHalf() { return std::make_shared<HalfJudge>(); }
