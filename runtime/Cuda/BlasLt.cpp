// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The library's matrices lie column by column. A matrix that lies row by row is the transposed one to it, so it is
// asked for result^T = right * left^T with `right` transposed once more; a bias is added to each of its rows then.
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
using Form = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, gpu::Element, gpu::Element, bool, bool,
                        bool, std::array<uint32_t, 3>, int64_t>;

// The largest power of two up to 256 that an address is a multiple of.
uint32_t alignment(const void *memory) {
  uint32_t bytes = 256;
  while (reinterpret_cast<uintptr_t>(memory) % bytes != 0) {
    bytes /= 2;
  }
  return bytes;
}

std::array<uint32_t, 3> alignments(const gpu::ProductCall &call) {
  return {alignment(call.right), alignment(call.left), alignment(call.result)};
}

Form formOf(const gpu::ProductCall &call) {
  return {call.rows,         call.columns,     call.depth,         call.leftStride,      call.rightStride,
          call.resultStride, call.element,     call.resultElement, call.bias != nullptr, call.gelu,
          call.rounded,      alignments(call), call.workspaceBytes};
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
  LoadedBlasLt(std::unique_ptr<Library> library, const BlasFunctions &functions)
      : library(std::move(library)), lt(functions) {
    check(lt.cublasLtCreate(&handle), "start");
  }
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
      prepare(plan, call);
    }
    if (!plan.possible) {
      return false;
    }
    if (call.bias) {
      set(plan, DescBiasPointer, call.bias);
    }
    const float one = 1, zero = 0;
    check(lt.cublasLtMatmul(handle, plan.description, &one, call.right, plan.right, call.left, plan.left, &zero,
                            call.result, plan.result, call.result, plan.result, &plan.algorithm, call.workspace,
                            size_t(call.workspaceBytes), stream),
          "multiply " + std::to_string(call.rows) + " x " + std::to_string(call.depth) + " by " +
              std::to_string(call.depth) + " x " + std::to_string(call.columns) + " for " + call.from);
    return true;
  }

private:
  void check(Status status, const std::string &what) const {
    if (status != 0) {
      throw Error(Exit::Device, "cuBLASLt cannot " + what + ": " + lt.cublasLtGetStatusName(status) +
                                    "; MBLM_CUBLASLT=off does without it");
    }
  }

  template <typename T>
  void set(Plan &plan, int attribute, const T &value) {
    check(lt.cublasLtMatmulDescSetAttribute(plan.description, attribute, &value, sizeof value),
          "set attribute " + std::to_string(attribute) + " of a product");
  }

  void prepare(Plan &plan, const gpu::ProductCall &call) {
    bool rounds = call.rounded && call.element == gpu::Element::F32;
    check(lt.cublasLtMatmulDescCreate(&plan.description, rounds ? ComputeFastTf32 : ComputeFloat32, Float32),
          "describe a product");
    int epilogue = call.gelu   ? EpilogueGelu | (call.bias ? EpilogueBias : 0)
                   : call.bias ? EpilogueBias
                               : EpilogueDefault;
    set(plan, DescTransA, int(Transposed));
    set(plan, DescEpilogue, epilogue);
    if (call.bias) {
      set(plan, DescBiasDataType, typeOf(call.resultElement));
      set(plan, DescBiasPointer, call.bias);
    }
    describe(&plan.right, call.element, call.depth, call.columns, call.rightStride);
    describe(&plan.left, call.element, call.depth, call.rows, call.leftStride);
    describe(&plan.result, call.resultElement, call.columns, call.rows, call.resultStride);
    choose(plan, call);
  }

  void describe(Layout *layout, gpu::Element element, int64_t rows, int64_t columns, int64_t stride) const {
    check(lt.cublasLtMatrixLayoutCreate(layout, typeOf(element), uint64_t(rows), uint64_t(columns), stride),
          "describe a matrix");
  }

  void choose(Plan &plan, const gpu::ProductCall &call) {
    Preference preference = nullptr;
    check(lt.cublasLtMatmulPreferenceCreate(&preference), "describe a preference");
    auto prefer = [&](int attribute, auto value) {
      return lt.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value);
    };
    std::array<uint32_t, 3> aligned = alignments(call);
    Heuristic best = {};
    int found = 0;
    Status status = std::max({prefer(PrefMaxWorkspaceBytes, uint64_t(call.workspaceBytes)),
                              prefer(PrefMinAlignmentA, aligned[0]), prefer(PrefMinAlignmentB, aligned[1]),
                              prefer(PrefMinAlignmentC, aligned[2]), prefer(PrefMinAlignmentD, aligned[2])});
    if (status == 0) {
      // No way to compute it is no failure, though the library may call it one.
      lt.cublasLtMatmulAlgoGetHeuristic(handle, plan.description, plan.right, plan.left, plan.result, plan.result,
                                        preference, 1, &best, &found);
    }
    lt.cublasLtMatmulPreferenceDestroy(preference);
    check(status, "set a preference");
    plan.possible = found == 1 && best.state == 0;
    plan.algorithm = best.algorithm;
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
    if (*library && findAll(*library, functions)) {
      return std::make_unique<LoadedBlasLt>(std::move(library), functions);
    }
  }
  return nullptr;
}

} // namespace mblm::rt::cuda
