// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of `explain`: what each has to do, how fast a device could, and what was fused into it or was not.
#pragma once

#include "tools/mblm/Device.h"

#include <nlohmann/json.hpp>

namespace mblm::cli {

// Kernels of one entry that run the same code.
struct KernelGroup {
  std::string entry, name;
  std::vector<const driver::Explanation::Kernel *> kernels;
  kernel::Cost cost;                        // of all of them
  bool counted = true;                      // whether the costs of all of them are known
  double seconds = 0;                       // on the device
  std::vector<std::string> fused, notFused; // of the first one: the others are alike
};

// In the order of their first launch, entry by entry.
std::vector<KernelGroup> groupKernels(const driver::Explanation &explanation, const Device &device);

// "rows = 96, depth = 512, tuned"; empty for kernels without a schedule.
std::string scheduleText(const driver::Explanation::Kernel &kernel);

// One object a kernel.
nlohmann::json kernelsJson(const driver::Explanation &explanation, const Device &device);

// One line a group, on stdout.
void printKernelGroups(const std::vector<KernelGroup> &groups, const Device &device);

// What `explain` says about a model, beside its kernels.
struct PageFacts {
  std::string title;
  std::vector<std::string> lines;
  std::vector<std::vector<std::string>> memory; // a table, its head first
};

// One page that needs no other file.
std::string kernelPage(const PageFacts &facts, const std::vector<KernelGroup> &groups, const Device &device);

} // namespace mblm::cli
