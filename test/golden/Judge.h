// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How near numbers must be to the recorded ones.
#pragma once

#include <memory>
#include <string>

namespace mblm::golden {

struct CaseName {
  std::string pack; // folder: "mblm" or "megabyte"
  std::string name;
};

// Of numbers in f32 or wider. Allowed differences: logits and weights |a - b| <= t * (1 + |b|), loss and norm |a - b| <=
// t, gradients |a - b|2 <= t * |b|2.
struct Tolerances {
  double logits = 1e-4;
  double loss = 1e-5;
  double gradients = 5e-4;
  double gradNorm = 1e-4;
  double weights = 1e-4; // after the last step
};

class Judge {
public:
  virtual ~Judge() = default;

  // Reports differences of `count` numbers as GoogleTest failures. `what` is the recorded tensor: logits and the like,
  // "loss", "grad_norm", "grad.NAME", or "update.NAME", the last step's weights less the first one's.
  virtual void compare(const CaseName &name, const std::string &what, const float *got, const float *expected,
                       int64_t count) const = 0;
  // The same of chosen bytes, of which `count` are other ones.
  virtual void compareChoices(const CaseName &name, const std::string &what, int64_t others, int64_t count) const = 0;
};

std::shared_ptr<const Judge> within(const Tolerances &tolerances = {});

// Of runs in bf16: bf16.json says how far PyTorch is off in bf16, by the norm of each tensor and by its worst element.
std::shared_ptr<const Judge> withinHalf();

} // namespace mblm::golden
