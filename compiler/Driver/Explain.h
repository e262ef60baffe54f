// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a spec becomes, without making code of it: kernels, the memory plan, and what the fusion did.
#pragma once

#include "compiler/Driver/Models.h"
#include "runtime/Metadata.h"

#include <map>
#include <string>
#include <vector>

namespace mblm::driver {

struct Explanation {
  struct Kernel {
    std::string name;  // of its function; equal kernels share one
    std::string from;  // place in the model
    std::string entry; // that launches it
  };
  std::vector<Kernel> kernels; // in the order of their launches
  std::map<std::string, rt::EntrySizes> entries;
  std::vector<pipelines::FusionRemark> remarks;
};

Explanation explain(const NamedModel &model, const Options &options);

} // namespace mblm::driver
