// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory is the host's; kernels are functions of the artifact.
#include "runtime/Sim/SimDevice.h"

#include "runtime/Gpu/Product.h"
#include "runtime/Sim/Block.h"
#include "runtime/Sim/Operations.h"
#include "runtime/Sim/Tensor.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Memory.h"

#include <cstring>

using namespace mblm;
using namespace mblm::rt;
using namespace mblm::rt::gpu;

namespace {

class SimKernel final : public Kernel {
public:
  const sim::KernelCode *code = nullptr;
};

// Everything that the device was asked for while it recorded.
class Recording final : public Graph {
public:
  void run() override {
    for (const auto &step : steps) {
      step();
    }
  }
  std::vector<std::function<void()>> steps;
};

// A launch's argument values, with pointers to them.
struct Arguments {
  Arguments(const sim::KernelCode &code, void **values) : values(code.argumentCount), pointers(code.argumentCount) {
    for (uint32_t i = 0; i < code.argumentCount; ++i) {
      std::memcpy(this->values[i].bytes, values[i], code.argumentBytes[i]);
      pointers[i] = this->values[i].bytes;
    }
  }
  std::vector<TensorMap> values; // the largest that an argument can be
  std::vector<void *> pointers;
};

class Simulator final : public SimDevice {
public:
  Simulator(const Find &symbols, const std::string &architecture) : symbols(symbols), name(architecture) {}

  std::string describe() const override { return "CUDA simulator (" + name + ")"; }
  std::string architecture() const override { return name; }
  int64_t freeBytes() const override { return memoryAccount().limit() - memoryAccount().used(); }

  void *allocate(int64_t bytes, const std::string &what) override {
    return reinterpret_cast<void *>(memory.allocate(bytes, what).base);
  }
  void release(void *address) noexcept override { memory.release(address); }
  void upload(void *to, const void *from, int64_t bytes) override {
    memory.require(to, bytes, "an upload");
    std::memcpy(to, from, bytes);
  }
  void download(void *to, const void *from, int64_t bytes) override {
    memory.require(from, bytes, "a download");
    std::memcpy(to, from, bytes);
  }
  void copy(void *to, const void *from, int64_t bytes) override {
    memory.require(to, bytes, "a copy");
    memory.require(from, bytes, "a copy");
    perform([=] { std::memmove(to, from, bytes); });
  }
  void clear(void *address, int64_t bytes) override {
    memory.require(address, bytes, "clearing");
    perform([=] { std::memset(address, 0, bytes); });
  }

  Kernel *find(const std::string &kernel, const std::string &from) override {
    auto &slot = kernels[kernel];
    if (!slot) {
      void *code = symbols("mblm_sim_" + kernel + "_code");
      if (!code) {
        kernels.erase(kernel);
        throw Error(Exit::Device, "the artifact has no kernel '" + kernel + "' for the simulator");
      }
      slot = std::make_unique<SimKernel>();
      slot->name = kernel;
      slot->from = from;
      slot->code = static_cast<const sim::KernelCode *>(code);
    }
    return slot.get();
  }

  TensorMap encode(const TensorTile &tile) override;

  void launch(const Launch &launch) override {
    auto &kernel = static_cast<SimKernel &>(*launch.kernel);
    sim::LaunchRequest request;
    request.name = kernel.name;
    request.from = kernel.from;
    request.code = kernel.code;
    request.grid[0] = launch.grid[0];
    request.grid[1] = launch.grid[1];
    request.threads = launch.threads;
    request.sharedBytes = launch.sharedBytes;
    check(request);
    auto arguments = std::make_shared<Arguments>(*kernel.code, launch.arguments);
    perform([=]() mutable {
      request.arguments = arguments->pointers.data();
      request.seed = seed;
      perKernel[request.name] += block.launch(request);
    });
  }
  bool product(const ProductCall &call) override {
    auto require = [&](const void *matrix, int64_t rows, int64_t stride, int64_t columns, Element element) {
      int64_t elements = (rows - 1) * stride + columns;
      memory.require(matrix, elements * (element == Element::F32 ? 4 : 2), "a product");
    };
    auto requireFactor = [&](const void *factor, int64_t outer, int64_t stride, bool depthInside) {
      require(factor, depthInside ? outer : call.depth, stride, depthInside ? call.depth : outer, call.element);
    };
    requireFactor(call.left, call.rows, call.leftStride, call.leftDepthInside);
    requireFactor(call.right, call.columns, call.rightStride, call.rightDepthInside);
    require(call.result, call.rows, call.resultStride, call.columns, call.resultElement);
    if (call.addend) {
      require(call.addend, call.rows, call.resultStride, call.columns, call.resultElement);
    }
    if (call.bias) {
      require(call.bias, 1, 0, call.columns, call.resultElement);
    }
    perform([=] { plainProduct(call); });
    return true;
  }
  void wait() override {}
  std::unique_ptr<Graph> record(const std::function<void()> &launches) override {
    auto recording = std::make_unique<Recording>();
    steps = &recording->steps;
    try {
      launches();
    } catch (...) {
      steps = nullptr;
      throw;
    }
    steps = nullptr;
    return recording;
  }

  void setSeed(uint64_t value) override { seed = value; }
  const std::map<std::string, sim::Counters> &counters() const override { return perKernel; }
  int64_t touchedBytes(const std::string &kernel) const override {
    auto found = perKernel.find(kernel);
    return found == perKernel.end() ? 0 : found->second.distinctRead + found->second.distinctWritten;
  }
  std::string countersText() const override {
    std::string text;
    for (const auto &[kernel, counters] : perKernel) {
      text += kernel + ": " + counters.text() + "\n";
    }
    return text;
  }

private:
  template <class Step>
  void perform(Step step) {
    if (steps) {
      steps->push_back(step);
    } else {
      step();
    }
  }

  // What a GPU would refuse.
  void check(const sim::LaunchRequest &request) const {
    auto refuse = [&](const std::string &what) {
      throw Error(Exit::Device, "simulator: cannot launch kernel '" + request.name + "': " + what);
    };
    if (request.threads < 1 || request.threads > 1024) {
      refuse(std::to_string(request.threads) + " threads in a block; expected 1 to 1024");
    }
    if (request.grid[0] < 1 || request.grid[1] < 1 || request.grid[1] > 65535 || request.grid[0] > 0x7fffffff) {
      refuse("a grid of " + std::to_string(request.grid[0]) + " x " + std::to_string(request.grid[1]) +
             " blocks; expected at least 1 and at most 2147483647 x 65535");
    }
    if (uint32_t most = request.code->maxThreads; most && request.threads > most) {
      refuse(std::to_string(request.threads) + " threads in a block; it was made for at most " + std::to_string(most));
    }
    uint64_t bytes = uint64_t(request.code->staticShared) + request.sharedBytes;
    uint64_t limit = name == "sm_80" ? 163 * 1024 : sim::SharedMemory::limit;
    if (bytes > limit) {
      refuse(std::to_string(bytes) + " bytes of shared memory; " + name + " has " + std::to_string(limit));
    }
  }

  Find symbols;
  std::string name;
  uint64_t seed = 0;
  std::vector<std::function<void()>> *steps = nullptr; // null: not recording
  sim::GlobalMemory memory;
  sim::Block block{memory};
  std::map<std::string, std::unique_ptr<SimKernel>> kernels;
  std::map<std::string, sim::Counters> perKernel;
};

} // namespace

TensorMap Simulator::encode(const TensorTile &tile) {
  memory.require(tile.base, int64_t((tile.size[1] - 1) * tile.rowBytes), "a tensor map");
  return sim::encodeTile(tile);
}

std::unique_ptr<SimDevice> SimDevice::open(const Find &find, const std::string &architecture) {
  auto *table = static_cast<const sim::Table **>(find("mblm_sim_table"));
  if (!table) {
    throw Error(Exit::Integrity, "the artifact has no code for the simulator: the symbol 'mblm_sim_table' is missing");
  }
  auto *version = static_cast<const uint64_t *>(find("mblm_sim_version"));
  if (!version || *version != sim::tableVersion) {
    throw Error(Exit::Integrity, "the artifact was made for another version of the simulator; compile the spec again");
  }
  *table = &sim::operationTable;
  return std::make_unique<Simulator>(find, architecture);
}
