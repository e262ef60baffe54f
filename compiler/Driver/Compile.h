// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A spec to code: phase by phase, with a stop after each.
#pragma once

#include "compiler/Driver/Models.h"
#include "compiler/Target/Machine.h"

#include <string>

namespace mblm::driver {

// What `mblm compile` can write.
enum class Emit { Artifact, Executable, Object, Model, Kernel, LLVM, Assembly, Header, Ptx, Cubin };

// Which machines `options` want native code for, best first.
std::vector<target::Machine> machinesFor(const Options &options);

void compileTo(const NamedModel &model, const Options &options, Emit emit, const std::string &output);

// The path of the model's artifact, from the cache or compiled into it.
std::string artifactFor(const NamedModel &model, const Options &options);

} // namespace mblm::driver
