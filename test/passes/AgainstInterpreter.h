// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module of `mblm` ops as code for some target against the reference interpreter. @train_step takes ids [B, M*inner], from which
// tables make its inputs, and returns one tensor, whose columns are several results side by side; it may add gradients of
// its parameters.
#pragma once

#include "test/support/Native.h"

#include <functional>
#include <random>

namespace mblm::test {

struct ModuleCase {
  struct Parameter {
    std::string name;
    std::vector<int64_t> shape;
    double middle, spread; // uniform in [middle - spread, middle + spread]
    int64_t elements() const;
  };
  std::vector<Parameter> parameters;
  std::vector<std::pair<std::string, int64_t>> columns; // the results' names and widths
  std::string body;                                     // of @train_step, behind the loads of all parameters as %NAME
  std::string resultType;
  int64_t vocab = 1, inner = 1, batch = 1, slots = 1;
  bool isStep = false;     // ids are [B, inner], M is 1
  bool dropout = false;    // @train_step has a %key
  bool narrow = false;     // parameters are bf16 numbers
  std::string states;      // ops in front of it
  int64_t position = 0;    // P
  // Further arguments, where there are any: lengths of patches [batch, n] as %lengths, n being P, and numbers [batch, n] as %ranges.
  std::vector<int32_t> lengths, ranges;
  int64_t perSequence(const std::vector<int32_t> &numbers) const { return static_cast<int64_t>(numbers.size()) / batch; }
};

// "tensor<2x3xf32>"; -1 is dynamic.
std::string tensorType(llvm::ArrayRef<int64_t> shape);

// Every result and gradient within `tolerance` of the interpreter's, relative to its largest number, at every level of this
// machine, with fusion and without; the same bits with one thread and three, and in a second run.
void expectAgreement(const ModuleCase &test, uint64_t seed, double tolerance, const std::string &precision = "f32");

// The same of CUDA kernels alone: fused for sm_80, single ones for sm_90a, in f32 or bf16.
void expectSimulatedAgreement(const ModuleCase &test, uint64_t seed, double tolerance, const std::string &precision = "f32");
// In just these ways; native code with one thread too.
void expectAgreement(const ModuleCase &test, uint64_t seed, double tolerance, llvm::ArrayRef<Native> ways);

} // namespace mblm::test
