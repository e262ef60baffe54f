// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the references call their parameters.
#pragma once

#include "compiler/Spec/Parameters.h"

namespace mblm::spec {

// `stage` and `layer` as in Parameter.
std::string parameterName(const Spec &spec, Role role, int stage, int layer);

} // namespace mblm::spec
