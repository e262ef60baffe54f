// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A spec as the runtime sees it: sizes, and where each parameter stands in the flat buffer. The compiled code and the
// runtime take their offsets from the one layout here.
#pragma once

#include "compiler/Spec/Parameters.h"
#include "runtime/Program.h"

#include <cstdint>
#include <vector>

namespace mblm {

struct ParameterLayout {
  std::vector<int64_t> offsets; // in floats, one per parameter
  int64_t elements = 0;         // size of the buffer: a multiple of 16
};

// Each parameter begins at a multiple of 16 floats (64 bytes), except those that follow another directly
// (spec::Parameter::follows), a key/value projection its query projection: one product reads both as one matrix.
ParameterLayout layoutParameters(const std::vector<spec::Parameter> &parameters);

rt::ModelInfo makeModelInfo(const spec::Spec &spec);

} // namespace mblm
