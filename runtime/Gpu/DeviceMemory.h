// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory of a device: single pieces, and copies of buffers that the host has too.
#pragma once

#include "runtime/Gpu/Device.h"

#include <map>

namespace mblm::rt::gpu {

class DeviceMemory {
public:
  explicit DeviceMemory(Device &device) : device(device) {}
  ~DeviceMemory() { release(); }
  DeviceMemory(const DeviceMemory &) = delete;

  // Holds at least `bytes` from now on; whether it moved, and with it lost its content.
  bool grow(int64_t bytes, const std::string &what);
  // Bytes that this would take from the device.
  int64_t missing(int64_t bytes) const { return bytes > size ? bytes - size : 0; }
  char *data() const { return start; }

private:
  void release();

  Device &device;
  char *start = nullptr;
  int64_t size = 0;
};

// Buffers of the host with a copy on the device; only what changed is copied, and only when the other side looks at it.
class Mirrors {
public:
  explicit Mirrors(Device &device) : device(device) {}
  // Bytes that a copy would take from the device.
  int64_t missing(const float *host, int64_t bytes) const;
  // The copy, up to date; with `written`, the host's content is the older one from now on.
  void *onDevice(float *host, int64_t bytes, const std::string &what, bool written);
  // Another number whenever the copy gets other content than it had; 0: there is none.
  int64_t version(const float *host) const;
  // The host is about to read or write: its content is made the newest, and the only one that counts.
  void onHost(const float *host);
  void forget(const float *host) { copies.erase(host); }

private:
  struct Copy {
    std::unique_ptr<DeviceMemory> memory;
    int64_t bytes = 0;
    bool deviceNewer = false, hostNewer = true;
    int64_t version = 0;
  };
  Device &device;
  std::map<const float *, Copy> copies;
  int64_t versions = 0; // given so far
};

} // namespace mblm::rt::gpu
