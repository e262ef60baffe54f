// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What decoders' states on disk have in common: which spec and weights they belong to, and how long their sequences are.
#pragma once

#include "runtime/Model.h"
#include "runtime/Support/Error.h"

#include <map>

namespace mblm::rt {

std::map<std::string, std::string> stateNotes(Model &model, int64_t bytes);

// Bytes of each of its sequences. Error(Integrity) for what is no state.
int64_t stateLength(const SafetensorsFile &file, const std::string &prefix = "");
// The same, once the state is known to be of this model and to fit: Error(Integrity) or Error(BadInput) says why not. The state of a
// second model in the same file has a prefix at all its names and notes.
int64_t openState(const SafetensorsFile &file, Model &model, int64_t batch, int64_t capacity, const std::string &prefix = "");
// Error(Integrity) where it has another shape, or is missing.
const TensorInfo &stateTensor(const SafetensorsFile &file, const std::string &name, const std::vector<int64_t> &shape);
Error foreignState(const SafetensorsFile &file, const std::string &why);

} // namespace mblm::rt
