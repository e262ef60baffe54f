// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What must hold between the values of a spec, whichever file they came from.
#pragma once

#include "compiler/Spec/Json.h"
#include "compiler/Spec/Spec.h"

#include <functional>

namespace mblm::spec {

// Where the values of a spec were read: turns a spec's JSON pointer into the file's own. A spec file has the same ones.
struct Origin {
  const Source &source;
  std::function<std::string(const std::string &)> translate = [](const std::string &pointer) { return pointer; };

  // The file's word for the value: the last step of its pointer that is no index.
  std::string key(const std::string &pointer) const;
  [[noreturn]] void fail(const std::string &pointer, const std::string &message, Exit code = Exit::BadInput) const;
};

// What must hold of patches, n-grams and documents, and of the names of models that have them.
void checkPatches(const Spec &spec, const Origin &origin);

// What must hold of models with a prefix and of masked ones.
void checkWhole(const Spec &spec, const Origin &origin);

void checkSpec(const Spec &spec, const Origin &origin);

} // namespace mblm::spec
