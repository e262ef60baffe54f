// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The simulator as a device. Launches run where they are asked for; a fault in a kernel is Error(Internal) with one
// line that names the kernel, the block, the thread and the places.
#pragma once

#include "runtime/Gpu/Device.h"
#include "runtime/Sim/Counters.h"

#include <functional>
#include <map>

namespace mblm::rt::gpu {

class SimDevice : public Device {
public:
  // Looks up an artifact's symbols; null for what is not there.
  using Find = std::function<void *(const std::string &symbol)>;

  // Gives the artifact its table. Error(Integrity) where it is not made for the simulator.
  static std::unique_ptr<SimDevice> open(const Find &find, const std::string &architecture);

  // The order of lanes, warps and blocks; 0: the plain one.
  virtual void setSeed(uint64_t seed) = 0;
  // Of each kernel, over all its launches so far.
  virtual const std::map<std::string, sim::Counters> &counters() const = 0;
  // A line for each kernel.
  virtual std::string countersText() const = 0;
};

} // namespace mblm::rt::gpu
