// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the inside of one kernel: loops, addresses, vectors. Loops and arithmetic are scf, arith, math and vector ops;
// memory is plain pointers, so that every address is visible and nothing has to be bufferised. What is written here runs in
// one thread, of a CPU or of a GPU.
#pragma once

#include "dialects/Kernel/IR/KernelOps.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <functional>

namespace mblm::emit {

// How products of bf16 factors are computed; all add up in f32.
enum class NarrowProducts {
  Widened, // factors become f32 in registers
  Pairs,   // vectors of sums of two products each
  Tiles,   // 16 x 16 sums of 32 products each
};

// What the machine offers. Rows of the register tile are chosen so that accumulators, one row of B and a broadcast fit.
struct Machine {
  int64_t lanes = 16;      // f32 per vector
  int64_t tileRows = 12;   // rows of the gemm tile
  int64_t tileVectors = 2; // vectors per row of the gemm tile; tileVectors * lanes divides the panel width
  bool fma = true;
  bool exp2 = false;       // an instruction, exact enough
  bool aligned = false;    // accesses of vectors want to know their alignment, and rows hold whole vectors
  NarrowProducts narrow = NarrowProducts::Widened;
  bool narrowAttention = false; // its products have bf16 factors
  int64_t tileColumns() const { return tileVectors * lanes; }
};

// A tensor in memory.
struct Memory {
  mlir::Value base;      // !llvm.ptr
  SymbolicShape shape;   // row-major
  mlir::Type element;
  bool isRow = false;    // holds one row: only the last index counts
};

class Emitter {
public:
  Emitter(mlir::OpBuilder builder, mlir::Location loc, const Machine &machine) : b(loc, builder), machine(machine) {}
  virtual ~Emitter() = default;

  mlir::ImplicitLocOpBuilder b;
  Machine machine;
  mlir::Value batch, slots, position; // B, M and the position of a step, as index
  mlir::Value patches;                // P
  mlir::Value piece;                  // G, in entries alone

  // Types.
  mlir::Type ptr() { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }
  mlir::Type f32() { return b.getF32Type(); }
  mlir::VectorType vec() { return vec(machine.lanes); }
  mlir::VectorType vec(int64_t lanes) { return mlir::VectorType::get({lanes}, b.getF32Type()); }

  // Indices.
  mlir::Value index(int64_t n) { return mlir::arith::ConstantIndexOp::create(b, n); }
  mlir::Value add(mlir::Value x, mlir::Value y) { return mlir::arith::AddIOp::create(b, x, y); }
  mlir::Value add(mlir::Value x, int64_t n) { return n ? add(x, index(n)) : x; }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return mlir::arith::SubIOp::create(b, x, y); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return mlir::arith::MulIOp::create(b, x, y); }
  mlir::Value mul(mlir::Value x, int64_t n) { return n == 1 ? x : mul(x, index(n)); }
  mlir::Value div(mlir::Value x, mlir::Value y) { return mlir::arith::DivUIOp::create(b, x, y); }
  mlir::Value div(mlir::Value x, int64_t n) { return n == 1 ? x : div(x, index(n)); }
  mlir::Value rem(mlir::Value x, mlir::Value y) { return mlir::arith::RemUIOp::create(b, x, y); }
  mlir::Value ceilDiv(mlir::Value x, int64_t n) { return div(add(x, n - 1), n); }
  mlir::Value min(mlir::Value x, mlir::Value y) { return mlir::arith::MinSIOp::create(b, x, y); }
  mlir::Value max(mlir::Value x, mlir::Value y) { return mlir::arith::MaxSIOp::create(b, x, y); }
  mlir::Value less(mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::slt, x, y);
  }
  mlir::Value equal(mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::eq, x, y);
  }
  mlir::Value select(mlir::Value c, mlir::Value x, mlir::Value y) { return mlir::arith::SelectOp::create(b, c, x, y); }
  mlir::Value i64(mlir::Value x) { return mlir::arith::IndexCastOp::create(b, b.getI64Type(), x); }
  mlir::Value form(const SymbolicDim &dim);
  // The largest power of two, up to 64, that certainly divides an index.
  static int64_t knownFactor(mlir::Value index);

  // Numbers; vector where an operand is one.
  mlir::Value number(double x) { return mlir::arith::ConstantOp::create(b, b.getF32FloatAttr(x)); }
  mlir::Value splat(mlir::Value x) { return splat(x, machine.lanes); }
  mlir::Value splat(mlir::Value x, int64_t lanes) { return mlir::vector::BroadcastOp::create(b, vec(lanes), x); }
  mlir::Value splat(double x) { return splat(number(x)); }
  mlir::Value addf(mlir::Value x, mlir::Value y) { return mlir::arith::AddFOp::create(b, x, y); }
  mlir::Value subf(mlir::Value x, mlir::Value y) { return mlir::arith::SubFOp::create(b, x, y); }
  mlir::Value mulf(mlir::Value x, mlir::Value y) { return mlir::arith::MulFOp::create(b, x, y); }
  mlir::Value divf(mlir::Value x, mlir::Value y) { return mlir::arith::DivFOp::create(b, x, y); }
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z) {
    if (!machine.fma) {
      return addf(mulf(x, y), z);
    }
    bool wide = mlir::isa<mlir::VectorType>(x.getType());
    return wide ? mlir::vector::FMAOp::create(b, x, y, z).getResult() : mlir::math::FmaOp::create(b, x, y, z).getResult();
  }
  mlir::Value exp(mlir::Value x) { return mlir::math::ExpOp::create(b, x); }
  // exp and log of one number through the vector forms, so that no library call is left.
  mlir::Value exp1(mlir::Value x) { return extract(exp(splat(x))); }
  mlir::Value log1(mlir::Value x) { return extract(mlir::math::LogOp::create(b, splat(x))); }
  mlir::Value extract(mlir::Value v, int64_t lane = 0) { return mlir::vector::ExtractOp::create(b, v, lane); }
  // Sum and maximum over lanes, in a fixed tree.
  mlir::Value sumLanes(mlir::Value v);
  mlir::Value maxLanes(mlir::Value v);

  // `combine` over what `count` neighbouring threads have, a power of two, in a fixed tree; all get the result. Threads of a
  // CPU share no rows.
  using Combine = std::function<mlir::Value(mlir::Value, mlir::Value)>;
  virtual mlir::Value acrossThreads(mlir::Value value, int64_t count, const Combine &combine) { return value; }

  // Memory. Indices are in elements.
  mlir::Value at(mlir::Value base, mlir::Value index, mlir::Type element);
  mlir::Value at(mlir::Value base, mlir::Value index) { return at(base, index, f32()); }
  mlir::Value offset(const Memory &memory, mlir::ValueRange indices);
  mlir::Value at(const Memory &memory, mlir::ValueRange indices) { return at(memory.base, offset(memory, indices), memory.element); }
  // Numbers of `element` type in memory, f32 in registers; bf16 are widened and rounded. `offset` says what is known of the
  // alignment.
  mlir::Value loadNumbers(const Memory &memory, mlir::Value offset, bool wide);
  void storeNumbers(mlir::Value value, const Memory &memory, mlir::Value offset, mlir::Value mask = {});
  // Numbers as the bits of the nearest bf16, ties to even, which are what CPUs load and store: i16 or a vector of them.
  mlir::Value narrowBits(mlir::Value value);
  mlir::Value load(mlir::Value pointer) { return mlir::LLVM::LoadOp::create(b, f32(), pointer, 4); }
  mlir::Value load(mlir::Value pointer, mlir::Type type) { return mlir::LLVM::LoadOp::create(b, type, pointer, 4); }
  mlir::Value loadVector(mlir::Value pointer) { return mlir::LLVM::LoadOp::create(b, vec(), pointer, 4); }
  // A null mask stores everything.
  void store(mlir::Value value, mlir::Value pointer, mlir::Value mask = {});
  // Asks for the cache line at `pointer`, which need not exist, in the second-level cache.
  void prefetch(mlir::Value pointer) { mlir::LLVM::Prefetch::create(b, pointer, /*rw=*/0, /*hint=*/2, /*cache=*/1); }
  // Lanes below `count`.
  mlir::Value mask(mlir::Value count);

  // Control flow.
  void loop(mlir::Value from, mlir::Value to, int64_t step, const std::function<void(mlir::Value)> &body);
  void loop(mlir::Value to, const std::function<void(mlir::Value)> &body) { loop(index(0), to, 1, body); }
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value from, mlir::Value to, int64_t step, mlir::ValueRange init,
       const std::function<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> &body);
  void when(mlir::Value condition, const std::function<void()> &yes, const std::function<void()> &no = {});
  // Runs `body(d, mask)` over [0, width) by vectors; the mask is null for full ones. `width` may be dynamic.
  void columns(int64_t width, const std::function<void(mlir::Value, mlir::Value)> &body);
  // Sets `count` floats to zero; may write up to a vector more.
  void zero(mlir::Value pointer, mlir::Value count);

private:
  mlir::Value foldLanes(mlir::Value v, const Combine &combine);
  unsigned alignment(mlir::Value offset, mlir::Type type);
};

} // namespace mblm::emit
