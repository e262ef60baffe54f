// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Figures of the makers' data sheets, without tensor cores: they do not compute in f32.
#include "tools/mblm/Device.h"

#include "tools/commands/Peak.h"

namespace mblm::cli {

static const std::vector<Device> knownDevices = {
    {"a100", 19.5e12, 2.039e12}, // SXM, 80 GB
    {"h100", 67e12, 3.35e12},    // SXM
    {"h200", 67e12, 4.8e12},
};

std::vector<std::string> deviceNames() {
  std::vector<std::string> names = {"host"};
  for (const Device &device : knownDevices) {
    names.push_back(device.name);
  }
  return names;
}

Device findDevice(const std::string &name, int threads) {
  for (const Device &device : knownDevices) {
    if (device.name == name) {
      return device;
    }
  }
  return {"host", measurePeakFlops(threads), measurePeakBandwidth(threads)};
}

} // namespace mblm::cli
