// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel op as CUDA kernels that run one after another.
//   name(tensors..., i64 B, i64 M, i64 patches, call)
// `tensors` are the op's, operands first; `call` points to the position of a step.
#pragma once

#include "passes/LowerGPU/ThreadEmitter.h"

namespace mblm::cuda {

// How products are computed, always with f32 sums: in f32; on tensor cores from factors rounded to tf32, 10 bits of mantissa, while
// tensors in memory are f32; on tensor cores from tensors in bf16.
enum class Precision { F32, TF32, BF16 };

// Of tensors that only one op's kernels see.
inline mlir::Type storageOf(Precision precision, mlir::MLIRContext *context) {
  return precision == Precision::BF16 ? mlir::Type(mlir::BFloat16Type::get(context)) : mlir::Float32Type::get(context);
}

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

  mlir::Type storage() const { return storageOf(precision, module->getContext()); }

  mlir::gpu::GPUModuleOp module;
  const Architecture architecture;
  const Precision precision;
  std::string name; // of the next kernel
  llvm::SmallVector<Launch> launches;
};

} // namespace mblm::cuda
