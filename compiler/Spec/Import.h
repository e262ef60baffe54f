// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The references' own configuration files to Spec. `format` is `mblm`, `megabyte` or `transformer`. Errors as in Reader.h.
#pragma once

#include "compiler/Spec/Spec.h"

#include <string>
#include <vector>

namespace mblm::spec {

Spec importConfig(const std::string &format, const std::string &path);
std::vector<std::string> importFormats();

} // namespace mblm::spec
