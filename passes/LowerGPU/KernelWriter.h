// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel op as CUDA kernels that run one after another.
//   name(tensors..., i64 B, i64 M, call)
// `tensors` are the op's, operands first; `call` points to P.
#pragma once

#include "passes/LowerGPU/ThreadEmitter.h"

namespace mblm::cuda {

enum class Precision { F32, BF16 };

struct Architecture {
  std::string name;      // sm_80 | sm_90a
  int64_t sharedBytes;   // most that a block may have
};

// Blocks of a launch: ceil(count / divisor) by y.
struct Grid {
  SymbolicDim count;
  int64_t divisor = 1;
  int64_t y = 1;
};

// A matrix of bf16, row by row, of which the copy engine (TMA) brings tiles; in shared memory their rows are swizzled. Or several
// matrices one behind the other: no tile reaches from one into the next.
struct TensorMap {
  unsigned tensor = 0; // among the kernel's pointers
  SymbolicDim offset;  // where it begins behind that, in floats; a multiple of 4
  SymbolicDim rows;
  int64_t columns = 0;
  int64_t tileRows = 0, tileColumns = 0;
  std::optional<SymbolicDim> matrices;
};

struct Launch {
  std::string function;
  Grid grid;
  int64_t threads = 0;
  int64_t sharedBytes = 0;
  std::vector<TensorMap> maps; // behind the other arguments
};

class KernelWriter {
public:
  KernelWriter(mlir::gpu::GPUModuleOp module, const Architecture &architecture, Precision precision, std::string name)
      : module(module), architecture(architecture), precision(precision), name(std::move(name)) {}

  // What the body of a kernel may use.
  struct Step {
    ThreadEmitter e;
    llvm::SmallVector<mlir::Value> pointers; // of the op's tensors
    mlir::gpu::GPUFuncOp function;
    // Registers are to leave room for so many blocks on a multiprocessor.
    void leaveRoomFor(int64_t blocks);
    // Blocks get so many threads more, behind those of `e`; the body tells them apart.
    void addHelpers(int64_t count);
    // A further argument of the kernel.
    mlir::Value tensorMap(const TensorMap &map);
    std::vector<TensorMap> maps;
  };
  void step(mlir::Location loc, unsigned tensors, const Grid &grid, int64_t threads, const std::function<void(Step &)> &body);

  // Of tensors that only this op's kernels see.
  mlir::Type storage() const {
    mlir::MLIRContext *context = module->getContext();
    return precision == Precision::BF16 ? mlir::Type(mlir::BFloat16Type::get(context)) : mlir::Float32Type::get(context);
  }

  mlir::gpu::GPUModuleOp module;
  const Architecture architecture;
  const Precision precision;
  std::string name; // of the next kernel
  llvm::SmallVector<Launch> launches;
};

} // namespace mblm::cuda
