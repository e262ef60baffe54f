// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/cuda/FakeBlasLt.h"

#include "runtime/Cuda/BlasLtApi.h"

#include <cmath>
#include <cstring>

using namespace mblm::rt::cuda::blas;
using mblm::rt::cuda::Stream;
using mblm::test::FakeBlasLt;

namespace mblm::rt::cuda::blas {
struct HandleOpaque {};
struct DescriptionOpaque {
  int compute;
  std::map<int, uint64_t> attributes;
};
struct LayoutOpaque {
  int type;
  uint64_t rows, columns;
  int64_t stride;
};
struct PreferenceOpaque {
  std::map<int, uint64_t> attributes;
};
} // namespace mblm::rt::cuda::blas

static FakeBlasLt state;
constexpr Status invalidValue = 7, notSupported = 15;

static Status failure(const char *name) {
  auto found = state.failures.find(name);
  return found == state.failures.end() ? 0 : found->second;
}

template <typename T>
static Status make(const char *name, T **handle, T *made) {
  if (Status status = failure(name)) {
    delete made;
    return status;
  }
  *handle = made;
  ++state.alive;
  return 0;
}

template <typename T>
static Status destroy(T *handle) {
  delete handle;
  --state.alive;
  return 0;
}

template <typename T>
static Status set(T *handle, int attribute, const void *value, size_t bytes) {
  uint64_t wide = 0;
  if (bytes != 4 && bytes != 8) {
    return invalidValue;
  }
  std::memcpy(&wide, value, bytes);
  handle->attributes[attribute] = wide;
  return 0;
}

// Column by column.
static float load(const void *data, Layout layout, uint64_t row, uint64_t column) {
  uint64_t i = row + column * uint64_t(layout->stride);
  if (layout->type == Float32) {
    return static_cast<const float *>(data)[i];
  }
  uint32_t bits = uint32_t(static_cast<const uint16_t *>(data)[i]) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static void store(void *data, Layout layout, uint64_t row, uint64_t column, float value) {
  uint64_t i = row + column * uint64_t(layout->stride);
  if (layout->type == Float32) {
    static_cast<float *>(data)[i] = value;
    return;
  }
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  static_cast<uint16_t *>(data)[i] = uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

extern "C" {

FakeBlasLt *fakeBlasLt() { return &state; }

const char *cublasLtGetStatusName(Status status) {
  return status == 1    ? "CUBLAS_STATUS_NOT_INITIALIZED"
         : status == 13 ? "CUBLAS_STATUS_EXECUTION_FAILED"
                        : "CUBLAS_STATUS_INVALID_VALUE";
}
Status cublasLtCreate(Handle *handle) { return make("cublasLtCreate", handle, new HandleOpaque); }
Status cublasLtDestroy(Handle handle) { return destroy(handle); }
Status cublasLtMatmulDescCreate(Description *description, int compute, int scale) {
  if (scale != Float32) {
    return invalidValue;
  }
  return make("cublasLtMatmulDescCreate", description,
              new DescriptionOpaque{compute, {{DescEpilogue, EpilogueDefault}}});
}
Status cublasLtMatmulDescDestroy(Description description) { return destroy(description); }
Status cublasLtMatmulDescSetAttribute(Description description, int attribute, const void *value, size_t bytes) {
  if (Status status = failure("cublasLtMatmulDescSetAttribute")) {
    return status;
  }
  return set(description, attribute, value, bytes);
}
Status cublasLtMatrixLayoutCreate(Layout *layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  if (stride < int64_t(rows)) {
    return invalidValue;
  }
  return make("cublasLtMatrixLayoutCreate", layout, new LayoutOpaque{type, rows, columns, stride});
}
Status cublasLtMatrixLayoutDestroy(Layout layout) { return destroy(layout); }
Status cublasLtMatmulPreferenceCreate(Preference *preference) {
  return make("cublasLtMatmulPreferenceCreate", preference, new PreferenceOpaque);
}
Status cublasLtMatmulPreferenceDestroy(Preference preference) { return destroy(preference); }
Status cublasLtMatmulPreferenceSetAttribute(Preference preference, int attribute, const void *value, size_t bytes) {
  if (Status status = failure("cublasLtMatmulPreferenceSetAttribute")) {
    return status;
  }
  return set(preference, attribute, value, bytes);
}

Status cublasLtMatmulAlgoGetHeuristic(Handle, Description, Layout, Layout, Layout, Layout, Preference preference, int,
                                      Heuristic *results, int *found) {
  ++state.searches;
  state.preferences = preference->attributes;
  *found = state.algorithms;
  *results = {};
  results->algorithm.data[0] = 4711;
  return state.algorithms ? 0 : notSupported;
}

Status cublasLtMatmul(Handle, Description description, const void *alpha, const void *a, Layout aLayout, const void *b,
                      Layout bLayout, const void *beta, const void *c, Layout cLayout, void *d, Layout dLayout,
                      const Algorithm *algorithm, void *workspace, size_t workspaceBytes, Stream) {
  if (Status status = failure("cublasLtMatmul")) {
    return status;
  }
  bool turnedA = description->attributes[DescTransA] == Transposed, turnedB = description->attributes[DescTransB] == Transposed;
  uint64_t depth = turnedA ? aLayout->rows : aLayout->columns, rows = turnedA ? aLayout->columns : aLayout->rows;
  uint64_t columns = turnedB ? bLayout->rows : bLayout->columns;
  if (algorithm->data[0] != 4711 || *static_cast<const float *>(alpha) != 1 ||
      depth != (turnedB ? bLayout->columns : bLayout->rows) || dLayout->rows != rows || dLayout->columns != columns ||
      cLayout->type != dLayout->type || (workspaceBytes != 0) != (workspace != nullptr)) {
    return invalidValue;
  }
  float scale = *static_cast<const float *>(beta);
  ++state.products;
  state.compute = description->compute;
  state.workspaceBytes = workspaceBytes;
  uint64_t epilogue = description->attributes[DescEpilogue];
  LayoutOpaque vector = {int(description->attributes[DescBiasDataType]), dLayout->rows, 1, int64_t(dLayout->rows)};
  for (uint64_t row = 0; row < dLayout->rows; ++row) {
    for (uint64_t column = 0; column < dLayout->columns; ++column) {
      double sum = 0;
      for (uint64_t k = 0; k < depth; ++k) {
        float left = turnedA ? load(a, aLayout, k, row) : load(a, aLayout, row, k);
        float right = turnedB ? load(b, bLayout, column, k) : load(b, bLayout, k, column);
        sum += double(left) * double(right);
      }
      if (scale != 0) {
        sum += scale * double(load(c, cLayout, row, column));
      }
      if (epilogue & EpilogueBias) {
        sum += load(reinterpret_cast<const void *>(description->attributes[DescBiasPointer]), &vector, row, 0);
      }
      if (epilogue & EpilogueGelu) {
        sum = 0.5 * sum * (1 + std::tanh(0.7978845608028654 * (sum + 0.044715 * sum * sum * sum)));
      }
      store(d, dLayout, row, column, float(sum));
    }
  }
  return 0;
}

} // extern "C"
