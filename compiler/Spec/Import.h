// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The references' own configuration files to Spec. Errors as in Reader.h.
#pragma once

#include "compiler/Spec/Spec.h"

#include <map>
#include <string>
#include <vector>

namespace mblm::spec {

// Names and shapes of the tensors of a weights file.
using TensorShapes = std::map<std::string, std::vector<int64_t>>;

// `weights` decide where a configuration does not say which model it is; null: none are at hand. Gives `notes` a line for
// each thing that was decided so, or left out.
Spec importConfig(const std::string &format, const std::string &path, const TensorShapes *weights = nullptr,
                  std::vector<std::string> *notes = nullptr);
std::vector<std::string> importFormats();

} // namespace mblm::spec
