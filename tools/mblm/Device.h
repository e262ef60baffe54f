// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a device can do at most: the two lines of its roofline.
#pragma once

#include "compiler/Driver/Explain.h"

#include <string>
#include <vector>

namespace mblm::cli {

struct Device {
  std::string name;
  double flops = 0; // a second, f32 multiply-adds counting two
  double bytes = 0; // a second, from memory

  // The least that a kernel takes: as long as its arithmetic or its traffic, whichever is more.
  double seconds(const kernel::Cost &cost) const { return std::max(cost.flops / flops, cost.bytes / bytes); }
  bool computeBound(const kernel::Cost &cost) const { return cost.flops / flops >= cost.bytes / bytes; }
};

// The names that findDevice takes.
std::vector<std::string> deviceNames();
// "host" is this machine with so many threads, measured.
Device findDevice(const std::string &name, int threads);

} // namespace mblm::cli
