// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which values of a training step are kept and which are computed again, decided by the memory that there is: the first
// of a few plans, from the fastest to the thriftiest, whose step fits.
#pragma once

#include "compiler/Driver/Models.h"
#include "runtime/Metadata.h"

namespace mblm::driver {

// "everything kept", "linear maps before activations and layers of stage 2 computed again".
std::string describe(const Plan &plan);

// All plans worth trying for a spec, the fastest first.
std::vector<Plan> candidatePlans(const spec::Spec &spec);

struct PlannedMemory {
  Plan plan;
  rt::EntrySizes sizes;    // of train_step
  rt::Shape shape;         // with the largest piece that fits
  int64_t buffers = 0;     // bytes of parameters, gradients and moments
  int64_t workspace = 0;   // bytes beside them
  int64_t peak() const { return buffers + workspace; }
};

// The first plan with which a training step on `batch` sequences of `slots` outermost slots takes at most `limit` bytes.
// Throws Error(Resource) with the bytes of the thriftiest where none does. `options.plan` does not count.
PlannedMemory planTraining(const NamedModel &model, const Options &options, int64_t batch, int64_t slots, int64_t limit);

} // namespace mblm::driver
