// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// JSON to Spec. Every refusal is an mblm::Error with Exit::BadInput (Exit::Resource for a file or nesting too large,
// Exit::FileIO for one that cannot be read) whose line reads
//   FILE:LINE:COLUMN: POINTER: what is wrong; what would be right
#pragma once

#include "compiler/Spec/Spec.h"

#include <string>

namespace mblm::spec {

Spec readSpec(const std::string &path);
Spec parseSpec(const std::string &text, const std::string &fileName);

// The same spec as canonical JSON (format 1, every field written but absent parts, equal layers joined by "repeat").
std::string writeSpec(const Spec &spec);
// The same spec as if read from that text, but for where its entries stand: that stays the file that people wrote.
Spec canonicalSpec(const Spec &spec, const std::string &fileName);

// Generated from the field table: JSON Schema (models/schema.json) and a Markdown table for the documentation.
std::string jsonSchema();
std::string fieldTable();

} // namespace mblm::spec
