// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recorded cases of BLT: their configurations as text and as specs, and the tensors of their weights files.
#pragma once

#include "compiler/Spec/Spec.h"

#include <set>
#include <string>
#include <vector>

namespace mblm::spec {

inline const char *const bltCases[] = {
    "d04_entropy",           "d05_entropy_batch",     "d06_blt_k2_hash",    "d07_blt_k1_nohash_samedim",
    "d08_blt_gqa_alllayers", "d09_blt_nocross_pool3", "d10_blt_xwindows",   "d11_blt_space_utf8",
    "d12_blt_boe_static",    "d13_blt_ngram_tables",  "d14_blt_plain_sdpa", "d15_train20"};

// With the tables of n-grams that stand in the case's description.
std::string bltConfig(const std::string &name);
std::string generationEntropyConfig(); // of d16_generate, whose configuration is the other model's

Spec importText(const std::string &format, const std::string &text, std::vector<std::string> *notes = nullptr);
Spec bltSpec(const std::string &name);

// "NAME [SIZE, SIZE]"
std::string tensorLine(const std::string &name, const std::vector<int64_t> &shape);
// One line for each tensor of the case's weights whose name begins with `prefix`, which is taken off.
std::set<std::string> bltTensors(const std::string &name, const std::string &prefix = "");

} // namespace mblm::spec
