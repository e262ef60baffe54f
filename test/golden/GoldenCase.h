// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cases recorded from the reference implementations (a config, weights, inputs and results each, see the folders
// beside this file) and the checks that a program made from such a config must pass, whatever runs it.
#pragma once

#include "compiler/Spec/Spec.h"
#include "runtime/Model.h"
#include "runtime/Safetensors.h"
#include "test/golden/Judge.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace mblm::golden {

std::vector<CaseName> forwardCases();    // logits, loss, gradients, logits of the empty prompt
std::vector<CaseName> patchedCases();    // the same where the data decides the patches
std::vector<CaseName> patchedTrajectoryCases();
std::vector<CaseName> wholeCases();      // as forwardCases, of models that read sequences whole: with a prefix, masked
std::vector<CaseName> trajectoryCases(); // losses, norms and final weights of an optimizer's run
std::vector<CaseName> greedyCases();     // bytes chosen one after the other, with the logits that chose them

class GoldenCase {
public:
  explicit GoldenCase(const CaseName &name);

  CaseName name;
  spec::Spec spec;

  void loadWeights(rt::Model &model) const;

  // Each loads the weights and has its results judged.
  void checkForward(rt::Model &model, const Judge &judge) const;
  void checkEmpty(rt::Model &model, const Judge &judge) const;
  void checkLoss(rt::Model &model, const Judge &judge) const;
  void checkGradients(rt::Model &model, const Judge &judge) const;
  void checkTrajectory(rt::Model &model, const Judge &judge) const;
  void checkGreedy(rt::Model &model, const Judge &judge) const;

private:
  struct Inputs {
    std::vector<int32_t> ids;
    std::vector<float> mask; // empty: all ones
    std::vector<int32_t> lengths, targets, visible; // empty: none
    int64_t batch = 0, length = 0;
    // Sequences first to first + number.
    rt::Ids view(int64_t first, int64_t number) const;
    rt::Ids view() const { return view(0, batch); }
  };
  Inputs inputs() const { return inputs("ids", io.get("ids").shape[0]); }
  Inputs inputs(const std::string &ids, int64_t sequences) const;
  void adapt();
  std::vector<float> recorded(const std::string &name, const std::string &otherName) const;
  void checkContinuation(rt::Model &model, const std::vector<int32_t> &ids, int64_t batch, int64_t promptLength,
                         const std::string &logits, const Judge &judge) const;
  void compare(const Judge &judge, const std::string &what, const std::vector<float> &got,
               const std::vector<float> &expected) const;
  void compareRows(const Judge &judge, const std::string &what, const rt::Rows &got) const;
  void compareUpdates(const Judge &judge, rt::Model &model) const;
  void compareLoss(const Judge &judge, const rt::Call::Scalars &scalars) const;

  std::string folder;
  nlohmann::json info;
  rt::SafetensorsFile io;
};

} // namespace mblm::golden
