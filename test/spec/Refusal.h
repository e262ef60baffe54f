// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a refused input is answered with: the exit code and the whole line.
#pragma once

#include "compiler/Spec/Reader.h"
#include "runtime/Support/Error.h"

#include <functional>
#include <string>

namespace mblm::spec {

// "CODE LINE", or "accepted".
inline std::string refusal(const std::function<void()> &action) {
  try {
    action();
  } catch (const Error &error) {
    return std::to_string(int(error.code)) + " " + error.what();
  }
  return "accepted";
}

inline std::string refusalOf(const std::string &text) {
  return refusal([&] { parseSpec(text, "m.json"); });
}

} // namespace mblm::spec
