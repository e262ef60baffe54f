// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a GPU reaches without a kernel of ours: cuBLASLt's products, checked against the product as written, and copies
// in its memory. One JSON line each. Needs neither MLIR nor LLVM.
#include "runtime/Gpu/Product.h"
#include "runtime/Cuda/CudaDevice.h"
#include "runtime/Support/Convert.h"
#include "runtime/Support/Error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

using namespace mblm;
using namespace mblm::rt::gpu;
using nlohmann::json;

namespace {

struct Kind {
  const char *name;
  Element element;
  bool rounded;
  double tolerance; // of a result, against sums in f64
};
const Kind kinds[] = {
    {"bf16", Element::BF16, false, 2e-2}, {"tf32", Element::F32, true, 5e-3}, {"f32", Element::F32, false, 1e-4}};

constexpr int64_t workspaceBytes = 32 << 20;

int64_t bytesOf(Element element) { return element == Element::F32 ? 4 : 2; }

// Memory of the device that goes with its scope.
class Memory {
public:
  Memory(Device &device, int64_t bytes) : device(device), data(device.allocate(bytes, "a benchmark")) {}
  ~Memory() { device.release(data); }
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;
  Device &device;
  void *data;
};

// Numbers between -1 and 1.
std::vector<char> numbers(Element element, int64_t count, uint32_t seed) {
  std::vector<char> bytes(size_t(count * bytesOf(element)));
  for (int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525 + 1013904223;
    float value = float(int32_t(seed)) * 0x1p-31f;
    if (element == Element::F32) {
      reinterpret_cast<float *>(bytes.data())[i] = value;
    } else {
      reinterpret_cast<uint16_t *>(bytes.data())[i] = rt::brainFromFloat(value);
    }
  }
  return bytes;
}

// Operands and result of one product, on the device and on the host.
struct Product {
  Product(Device &device, const Kind &kind, int64_t rows, int64_t columns, int64_t depth, bool epilogue)
      : left(numbers(kind.element, rows * depth, 1)), right(numbers(kind.element, columns * depth, 2)),
        bias(numbers(kind.element, columns, 3)), leftMemory(device, int64_t(left.size())),
        rightMemory(device, int64_t(right.size())), biasMemory(device, int64_t(bias.size())),
        resultMemory(device, rows * columns * bytesOf(kind.element)), workspace(device, workspaceBytes) {
    device.upload(leftMemory.data, left.data(), int64_t(left.size()));
    device.upload(rightMemory.data, right.data(), int64_t(right.size()));
    device.upload(biasMemory.data, bias.data(), int64_t(bias.size()));
    call.left = leftMemory.data;
    call.right = rightMemory.data;
    call.bias = epilogue ? biasMemory.data : nullptr;
    call.gelu = epilogue;
    call.result = resultMemory.data;
    call.rows = rows;
    call.columns = call.resultStride = columns;
    call.depth = call.leftStride = call.rightStride = depth;
    call.element = call.resultElement = kind.element;
    call.rounded = kind.rounded;
    call.workspace = workspace.data;
    call.workspaceBytes = workspaceBytes;
    call.from = "mblm-bench-product";
  }

  // The largest distance to the product as written.
  double error(Device &device) {
    int64_t count = call.rows * call.columns;
    std::vector<char> got(size_t(count * bytesOf(call.element))), want(got.size());
    device.product(call);
    device.download(got.data(), call.result, int64_t(got.size()));
    ProductCall host = call;
    host.left = left.data();
    host.right = right.data();
    host.bias = call.bias ? bias.data() : nullptr;
    host.result = want.data();
    plainProduct(host);
    auto at = [&](const std::vector<char> &bytes, int64_t i) {
      return call.element == Element::F32 ? reinterpret_cast<const float *>(bytes.data())[i]
                                          : rt::floatFromBrain(reinterpret_cast<const uint16_t *>(bytes.data())[i]);
    };
    double most = 0;
    for (int64_t i = 0; i < count; ++i) {
      most = std::max(most, std::abs(double(at(got, i)) - at(want, i)) / (1 + std::abs(at(want, i))));
    }
    return most;
  }

  std::vector<char> left, right, bias;
  Memory leftMemory, rightMemory, biasMemory, resultMemory, workspace;
  ProductCall call;
};

// Seconds of one call, from so many that they take about a fifth of a second.
double timeOf(Device &device, const std::function<void()> &work) {
  auto run = [&](int64_t calls) {
    device.wait();
    auto begin = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < calls; ++i) {
      work();
    }
    device.wait();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  run(3);
  double once = run(10) / 10;
  int64_t calls = std::max<int64_t>(10, int64_t(0.2 / std::max(once, 1e-7)));
  return run(calls) / double(calls);
}

void say(const json &line) {
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

// False where the library is missing.
bool checkKind(Device &device, const Kind &kind) {
  for (bool epilogue : {false, true}) {
    Product product(device, kind, 64, 96, 128, epilogue);
    if (!device.product(product.call)) {
      return false;
    }
    double error = product.error(device);
    if (!(error <= kind.tolerance)) {
      throw Error(Exit::Numerics, std::string("cuBLASLt's product in ") + kind.name +
                                      (epilogue ? " with bias and GELU" : "") + " is off by " + std::to_string(error) +
                                      ", expected at most " + std::to_string(kind.tolerance));
    }
  }
  return true;
}

void timeProducts(Device &device, const std::vector<std::array<int64_t, 3>> &shapes) {
  for (const Kind &kind : kinds) {
    if (!checkKind(device, kind)) {
      say({{"bench", "product"}, {"skipped", std::string("no cuBLASLt, or none that computes in ") + kind.name}});
      continue;
    }
    for (auto [rows, columns, depth] : shapes) {
      Product product(device, kind, rows, columns, depth, false);
      double seconds = timeOf(device, [&] { device.product(product.call); });
      say({{"bench", "product"},
           {"by", "cublaslt"},
           {"precision", kind.name},
           {"rows", rows},
           {"columns", columns},
           {"depth", depth},
           {"seconds", seconds},
           {"flops_per_second", 2.0 * double(rows) * double(columns) * double(depth) / seconds}});
    }
  }
}

void timeCopies(Device &device) {
  const int64_t bytes = std::min(int64_t(1) << 30, device.freeBytes() / 4);
  Memory from(device, bytes), to(device, bytes);
  double seconds = timeOf(device, [&] { device.copy(to.data, from.data, bytes); });
  say({{"bench", "copy"}, {"bytes", bytes}, {"seconds", seconds}, {"bytes_per_second", 2 * double(bytes) / seconds}});
}

} // namespace

int main(int argc, char **argv) {
  std::vector<std::array<int64_t, 3>> shapes;
  for (int i = 1; i < argc; ++i) {
    long long rows, columns, depth;
    if (std::sscanf(argv[i], "%lldx%lldx%lld", &rows, &columns, &depth) != 3 || rows < 1 || columns < 1 || depth < 1) {
      std::fprintf(stderr, "mblm-bench-product: expected ROWSxCOLUMNSxDEPTH, got '%s'\n", argv[i]);
      return int(Exit::Usage);
    }
    shapes.push_back({rows, columns, depth});
  }
  if (shapes.empty()) {
    shapes = {{8192, 8192, 8192}, {8192, 1024, 1024}, {8192, 4096, 1024}, {8192, 1024, 4096}, {16384, 512, 512}};
  }
  try {
    std::unique_ptr<Device> device = rt::cuda::openDevice(nullptr);
    say({{"bench", "device"}, {"device", device->describe()}});
    timeCopies(*device);
    timeProducts(*device, shapes);
  } catch (const Error &error) {
    std::fprintf(stderr, "mblm-bench-product: %s\n", error.what());
    return int(error.code);
  }
  return 0;
}
