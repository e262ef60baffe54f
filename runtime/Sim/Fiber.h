// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads of execution that hand over to each other by name. On x86-64 a switch is a few instructions.
#pragma once

#include <cstddef>

#if defined(__x86_64__)
extern "C" void mblmSimSwitch(void **save, void *to);
#else
#include <ucontext.h>
#endif

namespace mblm::sim {

class Fiber {
public:
  // Will begin with `entry`, which must not return, on the stack that ends at `top`.
  void prepare(char *top, size_t bytes, void (*entry)());
#if defined(__x86_64__)
  // Saves the running fiber in `from` and goes on with `to`.
  static void change(Fiber &from, Fiber &to) { mblmSimSwitch(&from.stackPointer, to.stackPointer); }

private:
  void *stackPointer = nullptr;
#else
  static void change(Fiber &from, Fiber &to) { swapcontext(&from.context, &to.context); }

private:
  ucontext_t context;
#endif
};

// Stacks that stay: mapped when first touched, each with a page below it that nothing may touch.
class Stacks {
public:
  static constexpr size_t bytes = 256 * 1024;
  static constexpr size_t usable = bytes - 44 * 1024; // of every one, below its top
  Stacks() = default;
  ~Stacks();
  Stacks(const Stacks &) = delete;
  void reserve(size_t count);
  // Tops are staggered, so that the stacks' hot ends don't fall into the same cache sets.
  char *top(size_t index) const { return memory + (index + 1) * bytes - 64 - index * 1088 % 36864; }
  bool contains(size_t index, const void *address) const {
    return size_t(static_cast<const char *>(address) - memory) / bytes == index;
  }

private:
  char *memory = nullptr;
  size_t mapped = 0;
};

} // namespace mblm::sim
