// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// XXH64 (Yann Collet's 64-bit hash): finds damaged files. It guards against accidents, not against forgery.
#pragma once

#include <cstdint>
#include <string>

namespace mblm::rt {

uint64_t hash64(const void *data, size_t bytes, uint64_t seed = 0);
// Of a file, read in fixed pieces whose hashes are chained, so that memory stays bounded.
uint64_t hashFile(const std::string &path);
std::string hexText(uint64_t value); // 16 digits

} // namespace mblm::rt
