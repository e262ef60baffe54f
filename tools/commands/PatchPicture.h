// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Patches of a text for eyes: on a terminal, and as a picture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mblm::cli {

struct PatchedText {
  std::vector<int32_t> ids;       // marks included
  std::vector<float> entropies;   // of what follows each id, nats; empty: none are known
  std::vector<int32_t> lengths;   // of the patches
  std::optional<float> threshold; // of entropies, where it decides
};

// The text with its patches told apart: by colours, or by bars between them. Line ends and bytes that are no printable ASCII
// stand as escapes.
std::string patchesAsText(const PatchedText &text, bool colours);

// A self-contained SVG: a bar for each byte's entropy, a line for each border, the bytes below. Of the first `most` bytes.
std::string patchesAsSvg(const PatchedText &text, int64_t most);

} // namespace mblm::cli
