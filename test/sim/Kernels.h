// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels in MLIR text. Each line of a kernel's body stands on a line of its own, so that messages can be held against
// it.
#pragma once

#include "runtime/Support/Error.h"
#include "test/support/Simulated.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace mblm::test {

// A module with the kernel @k. Its body finds the thread's number as %t (i64), its lane as %lane (i64), the block's
// number as %b (i64) and shared memory as %s.
inline std::string kernelText(const std::string &arguments, const std::string &body,
                              const std::string &attributes = "") {
  return R"(gpu.module @kernels {
  llvm.mlir.global external @mblm_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  gpu.func @k()" +
         arguments + ") kernel attributes {" + attributes + R"(} {
    %t.index = gpu.thread_id x
    %b.index = gpu.block_id x
    %lane.index = gpu.lane_id
    %t = arith.index_cast %t.index : index to i64
    %b = arith.index_cast %b.index : index to i64
    %lane = arith.index_cast %lane.index : index to i64
    %s = llvm.mlir.addressof @mblm_shared : !llvm.ptr<3>
)" + body +
         R"(
    gpu.return
  }
})";
}

// Lines of a body: %name = the element's address, its load, its store. `space` 1: global, 3: shared.
inline std::string at(const std::string &name, const std::string &base, const std::string &index, int space,
                      const std::string &type = "f32") {
  std::string pointer = "!llvm.ptr<" + std::to_string(space) + ">";
  return "    " + name + " = llvm.getelementptr " + base + "[" + index + "] : (" + pointer + ", i64) -> " + pointer +
         ", " + type + "\n";
}
inline std::string load(const std::string &name, const std::string &base, const std::string &index, int space,
                        const std::string &type = "f32") {
  std::string pointer = "!llvm.ptr<" + std::to_string(space) + ">";
  return at(name + ".at", base, index, space, type) + "    " + name + " = llvm.load " + name + ".at : " + pointer +
         " -> " + type + "\n";
}
inline std::string store(const std::string &value, const std::string &base, const std::string &index, int space,
                         const std::string &type = "f32") {
  static int made = 0;
  std::string name = "%to" + std::to_string(made++), pointer = "!llvm.ptr<" + std::to_string(space) + ">";
  return at(name, base, index, space, type) + "    llvm.store " + value + ", " + name + " : " + type + ", " + pointer +
         "\n";
}
inline std::string constant(const std::string &name, int64_t value, const std::string &type = "i64") {
  return "    " + name + " = arith.constant " + std::to_string(value) + " : " + type + "\n";
}

// The text with `from`, which must be there, replaced once.
inline std::string mutated(std::string text, const std::string &from, const std::string &to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// "kernels.mlir:LINE:" of the one line of the text that holds `part`.
inline std::string lineOf(const std::string &text, const std::string &part) {
  size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return "kernels.mlir:" + std::to_string(1 + std::count(text.begin(), text.begin() + at, '\n')) + ":";
}

// The text's kernels, compiled once; faults of earlier launches leave them usable.
inline Simulated &compiled(const std::string &text, const std::string &architecture = "sm_90a") {
  static std::map<std::string, std::unique_ptr<Simulated>> all;
  auto &kernels = all[text];
  if (!kernels) {
    kernels = std::make_unique<Simulated>(text, architecture);
  }
  return *kernels;
}

template <class T>
std::vector<T> counted(size_t count, T first = T(0)) {
  std::vector<T> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = T(first + T(i));
  }
  return values;
}

} // namespace mblm::test
