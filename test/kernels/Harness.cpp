// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/kernels/Harness.h"

#include "dialects/Register.h"
#include "runtime/Program.h"
#include "runtime/Support/Error.h"
#include "test/support/Native.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <dlfcn.h>
#include <limits>
#include <sys/mman.h>

using namespace mblm;
using namespace mblm::test;

SparseFloats::SparseFloats(int64_t floats) : bytes((floats + 64) * sizeof(float)) {
  void *mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    throw Error(Exit::Resource, "cannot map " + std::to_string(bytes) + " bytes");
  }
  memory = static_cast<float *>(mapped);
}

SparseFloats::~SparseFloats() { munmap(memory, bytes); }

Order mblm::test::allAtOnce() {
  return [](int64_t items, const auto &run) { run(0, items); };
}

Order mblm::test::oneByOneBackwards() {
  return [](int64_t items, const auto &run) {
    for (int64_t item = items - 1; item >= 0; --item) {
      run(item, item + 1);
    }
  };
}

CompiledModule::CompiledModule(const std::string &text, const std::string &level, const pipelines::Fusion &fusion) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module) {
    throw Error(Exit::Internal, "the test's own module does not parse");
  }
  pipelines::toKernelPhase(*module, fusion);
  rt::ModelInfo info;
  info.name = "kernels";
  info.vocab = 1;
  Native native;
  native.level = level;
  std::string path = compileToFile(*module, info, native);
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    throw Error(Exit::Internal, dlerror());
  }
}

CompiledModule::~CompiledModule() { dlclose(handle); }

namespace {
struct Pool {
  const Order &order;
  std::vector<float> &scratch;
};
} // namespace

static void runItems(void *pool, MblmKernel kernel, void *args, int64_t items) {
  auto &[order, scratch] = *static_cast<Pool *>(pool);
  order(items, [&, &scratch = scratch](int64_t begin, int64_t end) {
    std::fill(scratch.begin(), scratch.end(), std::numeric_limits<float>::quiet_NaN());
    kernel(args, begin, end, scratch.data());
  });
}

void CompiledModule::run(const std::string &entry, const Buffers &buffers, const Order &order) const {
  auto metadata = nlohmann::json::parse(static_cast<const char *>(dlsym(handle, "mblm_metadata")))["levels"][0];
  auto floats = [&](const char *what) {
    int64_t sum = 0;
    for (int64_t coefficient : metadata["entries"][entry][what]) {
      sum += coefficient; // B = M = 1
    }
    return sum;
  };
  SparseFloats arena(floats("arena"));
  std::vector<float> scratch(floats("scratch") + 64);
  Pool pool{order, scratch};
  MblmContext context{};
  context.parallel = runItems;
  context.pool = &pool;
  context.threads = 1;
  context.batch = context.slots = 1;
  context.buffers[MBLM_ARENA] = arena.data();
  context.buffers[MBLM_PARAMS] = buffers.params;
  context.buffers[MBLM_GRADS] = buffers.grads;
  context.buffers[MBLM_IDS] = buffers.first;
  context.buffers[MBLM_MASK] = buffers.second;
  context.buffers[MBLM_HYPER] = buffers.third;
  context.buffers[MBLM_OUTPUT] = buffers.output;
  auto function = reinterpret_cast<int32_t (*)(MblmContext *)>(dlsym(handle, ("mblm_entry_" + entry).c_str()));
  ASSERT_NE(function, nullptr) << entry;
  ASSERT_EQ(function(&context), 0);
}

std::vector<float> mblm::test::randomFloats(int64_t count, std::mt19937_64 &random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count + 64);
  std::generate_n(values.begin(), count, [&] { return normal(random); });
  return values;
}

void mblm::test::expectClose(const float *values, const std::vector<double> &exact, double tolerance,
                             const std::string &what) {
  double largest = 0, worst = 0;
  size_t where = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    largest = std::max(largest, std::abs(exact[i]));
    double error = std::abs(values[i] - exact[i]);
    if (!(error <= worst)) { // a NaN is the worst
      worst = error;
      where = i;
    }
  }
  EXPECT_LE(worst, tolerance * largest) << what << "[" << where << "] is " << values[where] << " instead of "
                                        << exact[where];
}
