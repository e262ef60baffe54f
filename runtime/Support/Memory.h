// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Large float buffers (aligned, zeroed, readable a little past their end) and the one account that they are charged to,
// so that a request beyond the machine or beyond --max-memory is refused with numbers before anything is allocated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mblm::rt {

// Nine tenths of the smaller of the machine's memory and the control group's limit.
int64_t defaultMemoryLimit();

// The bytes that a Buffer of so many floats is charged for. Throws Error(Resource) naming `what` where they cannot be counted.
int64_t bufferBytes(int64_t floats, const std::string &what);

// Bytes held by all Buffers of the process. Not thread safe: buffers are made by the thread that drives a program.
class MemoryAccount {
public:
  int64_t limit() const { return maximum < 0 ? maximum = defaultMemoryLimit() : maximum; }
  void setLimit(int64_t bytes) { chosen = maximum = bytes; }
  // Where the user asked for one: what is planned for a device's memory keeps to it, too.
  std::optional<int64_t> chosenLimit() const { return chosen; }
  int64_t used() const { return current; }
  int64_t peak() const { return highest; }
  // Throws Error(Resource) naming `what`, the bytes needed and the limit.
  void charge(int64_t bytes, const std::string &what);
  void release(int64_t bytes) { current -= bytes; }

private:
  mutable int64_t maximum = -1; // read from the machine when first asked for
  std::optional<int64_t> chosen;
  int64_t current = 0;
  int64_t highest = 0;
};
MemoryAccount &memoryAccount();

// Zeroed floats, 64-byte aligned, readable for 256 bytes past the end. Movable; empty when default-made.
class Buffer {
public:
  Buffer() = default;
  Buffer(int64_t floats, const std::string &what);
  Buffer(Buffer &&other) noexcept { swap(other); }
  Buffer &operator=(Buffer &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer();
  float *data() const { return start; }
  int64_t size() const { return count; }
  explicit operator bool() const { return start != nullptr; }

private:
  void swap(Buffer &other) noexcept;
  float *start = nullptr;
  int64_t count = 0;
  int64_t bytes = 0;
};

// Makes `buffer` hold at least `floats`; its content is lost when it has to grow.
void growBuffer(Buffer &buffer, int64_t floats, const std::string &what);

} // namespace mblm::rt
