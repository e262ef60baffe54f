// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Object code to files that run.
#pragma once

#include <string>
#include <vector>

namespace mblm::target {

// A shared object. Error(FileIO) when it cannot be written, Error(Internal) when the linker finds fault with the code.
void linkArtifact(const std::vector<std::string> &objects, const std::string &output);

// A program with the runtime and its commands inside; needs a C++ compiler to link, and nothing of ours to run.
void linkExecutable(const std::vector<std::string> &objects, const std::string &output);

} // namespace mblm::target
