// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The library's matrices lie column by column. A matrix that lies row by row is the transposed one to it, so it is asked for
// result^T = right * left^T; a bias is added to each of its rows then. What it computes is the same in every run: parts of a
// sum that it works on side by side go to the workspace in f32, and are added there in one order.
#include "runtime/Cuda/BlasLt.h"

#include "runtime/Cuda/BlasLtApi.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Library.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <tuple>
#include <vector>

namespace mblm::rt::cuda {

namespace {

using namespace blas;

// What the choice of an algorithm depends on.
using Form = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, bool, bool, gpu::Element, gpu::Element, bool,
                        bool, bool, bool, std::array<uint32_t, 4>, int64_t>;

// The largest power of two up to 256 that an address is a multiple of.
uint32_t alignment(const void *memory) {
  uint32_t bytes = 256;
  while (reinterpret_cast<uintptr_t>(memory) % bytes != 0) {
    bytes /= 2;
  }
  return bytes;
}

const void *addendOf(const gpu::ProductCall &call) { return call.addend ? call.addend : call.result; }

std::array<uint32_t, 4> alignments(const gpu::ProductCall &call) {
  return {alignment(call.right), alignment(call.left), alignment(addendOf(call)), alignment(call.result)};
}

Form formOf(const gpu::ProductCall &call) {
  return {call.rows,
          call.columns,
          call.depth,
          call.leftStride,
          call.rightStride,
          call.resultStride,
          call.leftDepthInside,
          call.rightDepthInside,
          call.element,
          call.resultElement,
          call.addend != nullptr,
          call.bias != nullptr,
          call.gelu,
          call.rounded,
          alignments(call),
          call.workspaceBytes};
}

int typeOf(gpu::Element element) { return element == gpu::Element::F32 ? Float32 : BFloat16; }

// How one form of product is computed.
struct Plan {
  Description description = nullptr;
  Layout right = nullptr, left = nullptr, result = nullptr;
  Algorithm algorithm = {};
  bool possible = false;
};

class LoadedBlasLt final : public BlasLt {
public:
  LoadedBlasLt(std::unique_ptr<Library> library, const BlasFunctions &functions, Handle handle)
      : library(std::move(library)), lt(functions), handle(handle) {}
  ~LoadedBlasLt() override {
    for (auto &[form, plan] : plans) {
      destroy(plan);
    }
    lt.cublasLtDestroy(handle);
  }

  bool run(const gpu::ProductCall &call, Stream stream) override {
    auto [found, isNew] = plans.try_emplace(formOf(call));
    Plan &plan = found->second;
    if (isNew) {
      plan.possible = describe(plan, call) && choose(plan, call);
    }
    if (!plan.possible) {
      return false;
    }
    if (call.bias && !set(plan, DescBiasPointer, call.bias)) {
      return false;
    }
    const float one = 1, zero = 0;
    Status status = lt.cublasLtMatmul(handle, plan.description, &one, call.right, plan.right, call.left, plan.left,
                                      call.addend ? &one : &zero, addendOf(call), plan.result, call.result, plan.result,
                                      &plan.algorithm, call.workspace, size_t(call.workspaceBytes), stream);
    if (status != 0) {
      throw Error(Exit::Device, "cuBLASLt cannot multiply " + std::to_string(call.rows) + " x " + std::to_string(call.depth) +
                                    " by " + std::to_string(call.depth) + " x " + std::to_string(call.columns) + " for " +
                                    call.from + ": " + lt.cublasLtGetStatusName(status) +
                                    "; MBLM_CUBLASLT=off does without it");
    }
    return true;
  }

private:
  // These return false where the library refuses.
  template <typename T> bool set(Plan &plan, int attribute, const T &value) {
    return lt.cublasLtMatmulDescSetAttribute(plan.description, attribute, &value, sizeof value) == 0;
  }

  bool describe(Plan &plan, const gpu::ProductCall &call) {
    bool rounds = call.rounded && call.element == gpu::Element::F32;
    if (lt.cublasLtMatmulDescCreate(&plan.description, rounds ? ComputeFastTf32 : ComputeFloat32, Float32) != 0) {
      return false;
    }
    int epilogue = call.gelu   ? EpilogueGelu | (call.bias ? EpilogueBias : 0)
                   : call.bias ? EpilogueBias
                               : EpilogueDefault;
    bool biased = !call.bias || (set(plan, DescBiasDataType, typeOf(call.resultElement)) && set(plan, DescBiasPointer, call.bias));
    return biased && set(plan, DescTransA, int(call.rightDepthInside ? Transposed : AsItLies)) &&
           set(plan, DescTransB, int(call.leftDepthInside ? AsItLies : Transposed)) && set(plan, DescEpilogue, epilogue) &&
           factor(&plan.right, call.element, call.depth, call.columns, call.rightStride, call.rightDepthInside) &&
           factor(&plan.left, call.element, call.depth, call.rows, call.leftStride, call.leftDepthInside) &&
           matrix(&plan.result, call.resultElement, call.columns, call.rows, call.resultStride);
  }

  bool matrix(Layout *layout, gpu::Element element, int64_t inner, int64_t outer, int64_t stride) const {
    return lt.cublasLtMatrixLayoutCreate(layout, typeOf(element), uint64_t(inner), uint64_t(outer), stride) == 0;
  }

  bool factor(Layout *layout, gpu::Element element, int64_t depth, int64_t outer, int64_t stride, bool depthInside) const {
    return matrix(layout, element, depthInside ? depth : outer, depthInside ? outer : depth, stride);
  }

  bool choose(Plan &plan, const gpu::ProductCall &call) {
    Preference preference = nullptr;
    if (lt.cublasLtMatmulPreferenceCreate(&preference) != 0) {
      return false;
    }
    auto prefer = [&](int attribute, auto value) {
      return lt.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value);
    };
    std::array<uint32_t, 4> aligned = alignments(call);
    Heuristic best = {};
    int found = 0;
    Status status = std::max({prefer(PrefMaxWorkspaceBytes, uint64_t(call.workspaceBytes)),
                              prefer(PrefReductionSchemes, uint32_t(ReduceComputeType)),
                              prefer(PrefMinAlignmentA, aligned[0]), prefer(PrefMinAlignmentB, aligned[1]),
                              prefer(PrefMinAlignmentC, aligned[2]), prefer(PrefMinAlignmentD, aligned[3])});
    if (status == 0) {
      status = lt.cublasLtMatmulAlgoGetHeuristic(handle, plan.description, plan.right, plan.left, plan.result, plan.result,
                                        preference, 1, &best, &found);
    }
    lt.cublasLtMatmulPreferenceDestroy(preference);
    plan.algorithm = best.algorithm;
    return status == 0 && found == 1 && best.state == 0;
  }

  void destroy(Plan &plan) {
    for (Layout layout : {plan.right, plan.left, plan.result}) {
      if (layout) {
        lt.cublasLtMatrixLayoutDestroy(layout);
      }
    }
    if (plan.description) {
      lt.cublasLtMatmulDescDestroy(plan.description);
    }
  }

  std::unique_ptr<Library> library;
  BlasFunctions lt;
  Handle handle = nullptr;
  std::map<Form, Plan> plans;
};

std::vector<std::string> libraryNames(int driverVersion) {
  const char *named = std::getenv("MBLM_CUBLASLT");
  if (named && *named) {
    return std::string(named) == "off" ? std::vector<std::string>() : std::vector<std::string>{named};
  }
  return driverVersion >= 13000 ? std::vector<std::string>{"libcublasLt.so.13", "libcublasLt.so.12"}
                                : std::vector<std::string>{"libcublasLt.so.12"};
}

bool findAll(const Library &library, BlasFunctions &functions) {
  bool all = true;
  auto find = [&](auto &pointer, const char *name) {
    pointer = reinterpret_cast<std::decay_t<decltype(pointer)>>(library.find(name));
    all &= pointer != nullptr;
  };
#define MBLM_CUBLASLT_FIND(name, parameters) find(functions.name, #name);
  MBLM_CUBLASLT_FUNCTIONS(MBLM_CUBLASLT_FIND)
#undef MBLM_CUBLASLT_FIND
  find(functions.cublasLtGetStatusName, "cublasLtGetStatusName");
  return all;
}

} // namespace

std::unique_ptr<BlasLt> BlasLt::open(int driverVersion) {
  for (const std::string &name : libraryNames(driverVersion)) {
    auto library = std::make_unique<Library>(name);
    BlasFunctions functions;
    Handle handle = nullptr;
    if (*library && findAll(*library, functions) && functions.cublasLtCreate(&handle) == 0) {
      return std::make_unique<LoadedBlasLt>(std::move(library), functions, handle);
    }
  }
  return nullptr;
}

} // namespace mblm::rt::cuda
