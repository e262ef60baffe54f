// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a program makes of some inputs, entry by entry, and how two such results are compared.
#pragma once

#include "test/fuzz/RandomSpec.h"

namespace mblm::fuzz {

struct Results {
  std::vector<float> logits, hidden, empty;
  rt::Call::Scalars loss, gradientsLoss, stepLoss;
  std::vector<float> gradients;
  std::vector<float> params, m, v; // after a step with clipping and weight decay
};

// Runs every entry that the program has. Buffers are followed by not-a-numbers and ids without a meaning: what reads
// them shows, what writes them fails.
Results execute(rt::Program &program, const Inputs &inputs);

// f32 against f64: rows within 1e-4 absolute plus relative, gradients within 5e-4 of each parameter's norm.
void expectAgreement(const Results &got, const Results &exact, const rt::ModelInfo &info);

void expectSameBits(const Results &got, const Results &expected, const std::string &what);

// Each sequence on its own gives the logits and states that it has in the batch, bit by bit.
void expectRowsAlone(rt::Program &program, const Inputs &inputs, const Results &together);

} // namespace mblm::fuzz
