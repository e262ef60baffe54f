// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Gpu/DeviceMemory.h"

namespace mblm::rt::gpu {

bool DeviceMemory::grow(int64_t bytes, const std::string &what) {
  if (bytes <= size) {
    return false;
  }
  release();
  start = static_cast<char *>(device.allocate(bytes, what));
  size = bytes;
  return true;
}

void DeviceMemory::release() {
  if (start) {
    device.release(start);
  }
  start = nullptr;
  size = 0;
}

int64_t Mirrors::missing(const float *host, int64_t bytes) const {
  auto found = copies.find(host);
  return !host ? 0 : found == copies.end() ? bytes : found->second.memory->missing(bytes);
}

void *Mirrors::onDevice(float *host, int64_t bytes, const std::string &what, bool written) {
  if (!host) {
    return nullptr;
  }
  Copy &copy = copies[host];
  if (!copy.memory) {
    copy.memory = std::make_unique<DeviceMemory>(device);
  }
  copy.memory->grow(bytes, what);
  copy.bytes = bytes;
  bool isOther = copy.hostNewer;
  if (isOther) {
    device.upload(copy.memory->data(), host, bytes);
    copy.hostNewer = false;
  }
  if (isOther || written) {
    copy.version = ++versions;
  }
  copy.deviceNewer = copy.deviceNewer || written;
  return copy.memory->data();
}

int64_t Mirrors::version(const float *host) const {
  auto found = copies.find(host);
  return found == copies.end() ? 0 : found->second.version;
}

void Mirrors::onHost(const float *host) {
  auto found = copies.find(host);
  if (found == copies.end()) {
    return;
  }
  Copy &copy = found->second;
  if (copy.deviceNewer) {
    device.download(const_cast<float *>(host), copy.memory->data(), copy.bytes);
  }
  copy.deviceNewer = false;
  copy.hostNewer = true;
}

} // namespace mblm::rt::gpu
