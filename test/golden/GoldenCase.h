// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cases recorded from the reference implementations (a config, weights, inputs and results each, see the folders
// beside this file) and the checks that a program made from such a config must pass, whatever runs it.
#pragma once

#include "compiler/Spec/Spec.h"
#include "runtime/Model.h"
#include "runtime/Safetensors.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace mblm::golden {

struct CaseName {
  std::string pack; // folder: "mblm" or "megabyte"
  std::string name;
};
std::vector<CaseName> forwardCases();    // logits, loss, gradients, logits of the empty prompt
std::vector<CaseName> trajectoryCases(); // losses, norms and final weights of an optimizer's run
std::vector<CaseName> greedyCases();     // bytes chosen one after the other, with the logits that chose them

// Allowed differences: logits and weights |a - b| <= t * (1 + |b|), loss and norm |a - b| <= t, gradients |a - b|2 <=
// t * |b|2.
struct Tolerances {
  double logits = 1e-4;
  double loss = 1e-5;
  double gradients = 5e-4;
  double gradNorm = 1e-4;
  double weights = 1e-4; // after the last step
};

class GoldenCase {
public:
  explicit GoldenCase(const CaseName &name);

  CaseName name;
  spec::Spec spec;

  // Each loads the weights and reports differences as GoogleTest failures.
  void checkForward(rt::Model &model, const Tolerances &tolerances) const;
  void checkEmpty(rt::Model &model, const Tolerances &tolerances) const;
  void checkLoss(rt::Model &model, const Tolerances &tolerances) const;
  void checkGradients(rt::Model &model, const Tolerances &tolerances) const;
  void checkTrajectory(rt::Model &model, const Tolerances &tolerances) const;
  void checkGreedy(rt::Model &model, const Tolerances &tolerances) const;

private:
  struct Inputs {
    std::vector<int32_t> ids;
    std::vector<float> mask; // empty: all ones
    int64_t batch = 0, length = 0;
    rt::Ids view() const { return {batch, length, ids.data(), mask.empty() ? nullptr : mask.data()}; }
  };
  Inputs inputs() const;
  std::vector<float> recordedNorms() const;
  void checkContinuation(rt::Model &model, const std::vector<int32_t> &ids, int64_t batch, int64_t promptLength,
                         const std::string &logits, const Tolerances &tolerances) const;

  std::string folder;
  nlohmann::json info;
  rt::SafetensorsFile io;
};

} // namespace mblm::golden
