// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// JSON as untrusted files need it: duplicate keys, deep nesting and bytes that are no UTF-8 are refused, and errors say
// where.
#pragma once

#include "runtime/Support/Error.h"

#include <nlohmann/json.hpp>
#include <string>

namespace mblm::rt {

// Throws Error(code) starting with "WHERE:LINE:COLUMN: ".
nlohmann::json parseJson(const std::string &text, const std::string &where, Exit code);

// "LINE:COLUMN" of a byte offset, both from 1.
std::string lineColumn(const std::string &text, size_t offset);

// The candidate with the smallest edit distance to `name`; empty when none is close.
std::string nearestName(const std::string &name, const std::vector<std::string> &candidates);

} // namespace mblm::rt
