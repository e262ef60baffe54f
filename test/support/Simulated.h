// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CUDA kernels on the simulator, for tests:
//   Simulated kernels(text);                                            // a module with a gpu.module
//   float *x = kernels.upload(values);                                  // a std::vector
//   kernels.launch("scale", {grid, 1}, 128, sharedBytes, x, int64_t(n)); // Error where the kernel is at fault
//   values = kernels.download(x, n);
#pragma once

#include "runtime/Sim/SimDevice.h"

#include "mlir/IR/BuiltinOps.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace mblm::test {

class Simulated {
public:
  explicit Simulated(const std::string &text, const std::string &architecture = "sm_80");
  // A module that passes/LowerGPU has made; it is used up.
  explicit Simulated(mlir::ModuleOp module, const std::string &architecture = "sm_80");
  ~Simulated();
  Simulated(const Simulated &) = delete;

  rt::gpu::SimDevice &device() { return *simulator; }

  template <class T>
  T *upload(const std::vector<T> &values, const std::string &what = "data") {
    auto *memory = static_cast<T *>(simulator->allocate(int64_t(values.size() * sizeof(T)), what));
    simulator->upload(memory, values.data(), int64_t(values.size() * sizeof(T)));
    return memory;
  }
  template <class T>
  std::vector<T> download(const T *memory, size_t count) {
    std::vector<T> values(count);
    simulator->download(values.data(), memory, int64_t(count * sizeof(T)));
    return values;
  }
  template <class... Arguments>
  void launch(const std::string &kernel, std::array<uint32_t, 2> grid, uint32_t threads, uint32_t sharedBytes,
              Arguments... arguments) {
    void *pointers[] = {static_cast<void *>(&arguments)..., nullptr};
    rt::gpu::Launch launch;
    launch.kernel = simulator->find(kernel, "");
    launch.grid[0] = grid[0];
    launch.grid[1] = grid[1];
    launch.threads = threads;
    launch.sharedBytes = sharedBytes;
    launch.arguments = pointers;
    simulator->launch(launch);
  }

private:
  void compile(mlir::ModuleOp module, const std::string &architecture);
  void *handle = nullptr;
  std::unique_ptr<rt::gpu::SimDevice> simulator;
};

} // namespace mblm::test
