// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// BLT's ids: marks, then bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mblm::rt {

constexpr int32_t paddingId = 0; // also what stands before a text
constexpr int32_t beginId = 1;
constexpr int32_t endId = 2;
constexpr int32_t delimiterId = 3; // before each piece of a BPE
constexpr int32_t byteOffset = 4;

// The bytes of a text, between the marks that are asked for. Surrogates that are no characters are dropped where the
// text spells them as three bytes; all other bytes stay, whether they are UTF-8 or not.
std::vector<int32_t> encodeText(const std::string &text, bool begin, bool end);

// The text of ids without marks and without bytes that are no UTF-8; with `cut`, of those up to the first end.
std::string decodeText(const std::vector<int32_t> &ids, bool cut);

} // namespace mblm::rt
