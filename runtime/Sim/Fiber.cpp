// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only what the calling convention wants kept is saved: six registers and the stack pointer.
#include "runtime/Sim/Fiber.h"

#include "runtime/Support/Error.h"

#include <cstdint>
#include <string>
#include <sys/mman.h>

using namespace mblm;
using namespace mblm::sim;

#if defined(__x86_64__)
asm(R"(
.text
.globl mblmSimSwitch
.type mblmSimSwitch, @function
mblmSimSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size mblmSimSwitch, .-mblmSimSwitch
)");

void Fiber::prepare(char *top, size_t, void (*entry)()) {
  auto *stack = reinterpret_cast<uintptr_t *>(uintptr_t(top) & ~uintptr_t(15));
  *--stack = 0; // the entry's return address: none
  *--stack = reinterpret_cast<uintptr_t>(entry);
  for (int i = 0; i < 6; ++i) {
    *--stack = 0;
  }
  stackPointer = stack;
}
#else
void Fiber::prepare(char *top, size_t bytes, void (*entry)()) {
  getcontext(&context);
  context.uc_stack.ss_sp = top - bytes;
  context.uc_stack.ss_size = bytes;
  context.uc_link = nullptr;
  makecontext(&context, entry, 0);
}
#endif

Stacks::~Stacks() {
  if (memory) {
    munmap(memory, mapped * bytes);
  }
}

void Stacks::reserve(size_t count) {
  if (count <= mapped) {
    return;
  }
  void *fresh =
      mmap(nullptr, count * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (fresh == MAP_FAILED) {
    throw Error(Exit::Resource, "simulator: cannot map stacks for " + std::to_string(count) + " threads");
  }
  if (memory) {
    munmap(memory, mapped * bytes);
  }
  memory = static_cast<char *>(fresh);
  mapped = count;
  for (size_t i = 0; i < count; ++i) {
    mprotect(memory + i * bytes, 4096, PROT_NONE);
  }
}
