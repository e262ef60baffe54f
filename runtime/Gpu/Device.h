// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What runs CUDA kernels: a GPU behind its driver, or the simulator. One stream: what is asked for happens in order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace mblm::rt::gpu {

// A kernel of a loaded artifact; the device owns it.
class Kernel {
public:
  virtual ~Kernel() = default;
  std::string name;
  std::string from; // its place in the model, for messages
};

struct Launch {
  Kernel *kernel = nullptr;
  uint32_t grid[2] = {1, 1};
  uint32_t threads = 1;     // of a block
  uint32_t sharedBytes = 0; // dynamic
  void **arguments = nullptr; // one pointer to each argument's value
};

// A matrix as the copy engine (TMA) sees it; innermost dimension first. Or several of them, one behind the other, as a tensor of
// three dimensions: tiles are of one matrix.
enum class Element { F32, BF16 };
struct TensorTile {
  void *base = nullptr;
  Element element = Element::BF16;
  uint64_t size[2] = {0, 0};  // elements
  uint64_t rowBytes = 0;      // from row to row, a multiple of 16
  uint64_t matrices = 0;      // 0: one, of two dimensions
  uint32_t box[2] = {0, 0};   // elements of a tile
  bool swizzled = false;      // 128-byte swizzle of the rows in shared memory
};
struct alignas(64) TensorMap {
  unsigned char bytes[128] = {};
};

// result = left * right^T, then + addend, then + bias of each column, then GELU in its tanh form. Matrices lie row by row.
struct ProductCall {
  const void *left = nullptr;   // [rows, depth], or [depth, rows]
  const void *right = nullptr;  // [columns, depth], or [depth, columns]
  bool leftDepthInside = true, rightDepthInside = true; // the former
  void *result = nullptr;       // [rows, columns]
  const void *addend = nullptr; // like the result, which it may be; null: none
  const void *bias = nullptr;   // [columns], of the result's elements; null: none
  int64_t rows = 0, columns = 0, depth = 0;
  int64_t leftStride = 0, rightStride = 0, resultStride = 0; // elements from row to row of memory
  Element element = Element::BF16; // of both operands
  Element resultElement = Element::BF16;
  bool gelu = false;
  bool rounded = false; // f32 operands may be rounded to 10 bits of mantissa (TF32)
  void *workspace = nullptr; // 256-byte aligned
  int64_t workspaceBytes = 0;
  std::string from; // its place in the model, for messages
};

// Launches that run again and again at one call's cost.
class Graph {
public:
  virtual ~Graph() = default;
  virtual void run() = 0;
};

class Device {
public:
  virtual ~Device() = default;
  virtual std::string describe() const = 0;
  virtual std::string architecture() const = 0; // whose code it runs: "sm_80" | "sm_90a"
  virtual int64_t freeBytes() const = 0;

  // 256-byte aligned. Error(Resource) with `what` where there is no room.
  virtual void *allocate(int64_t bytes, const std::string &what) = 0;
  virtual void release(void *memory) noexcept = 0;
  virtual void upload(void *to, const void *from, int64_t bytes) = 0;
  virtual void download(void *to, const void *from, int64_t bytes) = 0; // returns when it is there
  virtual void copy(void *to, const void *from, int64_t bytes) = 0;
  virtual void clear(void *memory, int64_t bytes) = 0;

  // Error(Device) where the artifact has no such kernel.
  virtual Kernel *find(const std::string &name, const std::string &from) = 0;
  virtual TensorMap encode(const TensorTile &tile) = 0;
  virtual void launch(const Launch &launch) = 0;
  // False where this device has no library for such a product: then nothing was done.
  virtual bool product(const ProductCall &call) { return false; }
  // Workspace that products are to have; a device without a library wants none.
  virtual int64_t productWorkspaceBytes() { return 0; }
  virtual void wait() = 0;
  // Bytes of memory that a kernel's launches have touched so far, where a device counts them: the simulator does.
  virtual int64_t touchedBytes(const std::string &kernel) const { return 0; }
  // What `launches` asks of this device, kept instead of run. Null: this device has no graphs, and nothing was run.
  virtual std::unique_ptr<Graph> record(const std::function<void()> &launches) = 0;
};

} // namespace mblm::rt::gpu
