// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Planned launches with buffers of a device in the place of their numbers.
#pragma once

#include "runtime/Gpu/Device.h"
#include "runtime/Gpu/Plan.h"

#include <tuple>

namespace mblm::rt::gpu {

using Bound = std::vector<char *>; // the device's buffers by their numbers; inside a loop its tensors follow

class Launcher {
public:
  explicit Launcher(Device &device) : device(device) {}

  struct Call {
    const Shape &shape;
    const Bound &bound;
    void *block;     // where the position stands
    char *workspace; // of library products; null: none
  };
  // In order; loops over pieces of shape.piece slots.
  void run(const PlannedLaunch *begin, const PlannedLaunch *end, const std::vector<PlannedLoop> &loops, const Call &call);

  // From here on each kernel is waited for and timed.
  void startProfile(const Plan &plan);
  bool takesTimes() const { return times.has_value(); }
  std::vector<KernelTime> profile() const; // the slowest first

private:
  void runLoop(const PlannedLoop &loop, const PlannedLaunch *begin, const PlannedLaunch *end, const Call &call);
  void runOnce(const PlannedLaunch *begin, const PlannedLaunch *end, const Call &call);
  bool multiply(const PlannedLaunch &launch, const std::vector<void *> &pointers, const Call &call);
  void launch(const PlannedLaunch &launch, std::vector<void *> &pointers, const Call &call);
  TensorMap *encoded(const PlannedMap &map, void *base, int64_t rows, int64_t matrices);
  double secondsOf(const std::function<void()> &work);
  void addTime(const std::string &kernel, double seconds);

  Device &device;
  std::optional<std::map<std::string, KernelTime>> times;
  std::map<std::tuple<const PlannedMap *, void *, int64_t, int64_t>, TensorMap> tensorMaps; // with base, rows and matrices
};

} // namespace mblm::rt::gpu
