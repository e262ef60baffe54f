// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What this machine's cores can do at most, measured: the scale for everything that `bench` prints.
#pragma once

#include <string>

namespace mblm::cli {

// Multiply-adds on registers alone with the widest vectors there are: flops a second (two for each multiply-add) of
// `threads` threads together, the best of several short runs. At the levels amx and avx512bf16, which must have been granted
// (rt::lackingFor), those of products of bf16 numbers.
double measurePeakFlops(int threads, const std::string &level = "");

// Bytes a second that `threads` threads together read from memory, the best of several passes over more than the caches
// hold.
double measureReadBandwidth(int threads);

// Sums over memory that no cache holds: bytes a second that `threads` threads together read, the best of several short
// runs.
double measurePeakBandwidth(int threads);

} // namespace mblm::cli
