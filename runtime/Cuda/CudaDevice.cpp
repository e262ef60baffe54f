// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything is put on one stream of the device's primary context. What a kernel does wrong shows at some later call,
// which then throws; from there on every call throws the same line.
#include "runtime/Cuda/CudaDevice.h"

#include "runtime/Cuda/BlasLt.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <map>

namespace mblm::rt::cuda {

namespace {

constexpr uint32_t sharedBytesUnasked = 48 * 1024; // more must be asked for
constexpr int64_t workspaceBytes = 32 << 20;       // NVIDIA's advice for sm_90; more than it gives for sm_80

struct CudaKernel final : gpu::Kernel {
  std::string label() const { return "kernel '" + name + "'" + (from.empty() ? "" : " (" + from + ")"); }
  Function function = nullptr;
  uint32_t sharedBytes = sharedBytesUnasked; // that it may be launched with
};

class CudaDevice final : public gpu::Device {
public:
  explicit CudaDevice(const std::string &path) : driver(path) {}
  ~CudaDevice() override;
  void open();
  void load(const SymbolFinder &artifact);

  std::string describe() const override;
  std::string architecture() const override { return loaded; }
  int64_t freeBytes() const override;
  void *allocate(int64_t bytes, const std::string &what) override;
  void release(void *memory) noexcept override;
  void upload(void *to, const void *from, int64_t bytes) override;
  void download(void *to, const void *from, int64_t bytes) override;
  void copy(void *to, const void *from, int64_t bytes) override;
  void clear(void *memory, int64_t bytes) override;
  gpu::Kernel *find(const std::string &name, const std::string &from) override;
  gpu::TensorMap encode(const gpu::TensorTile &tile) override;
  void launch(const gpu::Launch &launch) override;
  bool product(const gpu::ProductCall &call) override;
  int64_t productWorkspaceBytes() override { return library() ? workspaceBytes : 0; }
  void wait() override;
  std::unique_ptr<gpu::Graph> record(const std::function<void()> &launches) override;

private:
  friend class CudaGraph;

  int attribute(int which) const;
  // Null where this machine has none.
  BlasLt *library();
  // Throws where the device is lost, and makes its context the one of this thread.
  void enter() const;
  // Throws where `result` is no success of doing `what`.
  void check(Result result, const std::string &what) const;
  Result loadImage(const Image &image, std::string &log);
  void allowShared(CudaKernel &kernel, uint32_t bytes) const;

  Driver driver;
  const DriverFunctions &cu = driver.call();
  std::string name = "CUDA device 0";
  int major = 0, minor = 0;
  Ordinal ordinal = 0;
  Context context = nullptr;
  Stream stream = nullptr;
  Module module = nullptr;
  std::string loaded; // architecture of the module
  std::map<std::pair<std::string, std::string>, CudaKernel> kernels;
  std::string latest;       // kernel that was launched
  mutable std::string lost; // what every call says from now on
  bool blasTried = false;
  std::unique_ptr<BlasLt> blas; // null: not there
};

class CudaGraph final : public gpu::Graph {
public:
  CudaGraph(CudaDevice &device, GraphExec exec) : device(device), exec(exec), latest(device.latest) {}
  ~CudaGraph() override { device.cu.cuGraphExecDestroy(exec); }
  void run() override {
    device.enter();
    device.latest = latest;
    device.check(device.cu.cuGraphLaunch(exec, device.stream), "launch what was recorded, up to " + latest);
  }

private:
  CudaDevice &device;
  GraphExec exec;
  std::string latest;
};

Address address(const void *memory) { return Address(reinterpret_cast<uintptr_t>(memory)); }

std::string bytesText(int64_t bytes) { return std::to_string(bytes) + " bytes"; }

} // namespace

void CudaDevice::open() {
  check(cu.cuDeviceGet(&ordinal, 0), "open it");
  char text[256] = {};
  check(cu.cuDeviceGetName(text, sizeof text - 1, ordinal), "read its name");
  name = text;
  major = attribute(ComputeCapabilityMajor);
  minor = attribute(ComputeCapabilityMinor);
  if (major < 8) {
    throw Error(Exit::Device, name + " has compute capability " + std::to_string(major) + "." + std::to_string(minor) +
                                  ", expected 8.0 (A100) or later; run on the CPU with --target cpu");
  }
  check(cu.cuDevicePrimaryCtxRetain(&context, ordinal), "retain its primary context");
  enter();
  check(cu.cuStreamCreate(&stream, StreamNonBlocking), "create a stream");
}

CudaDevice::~CudaDevice() {
  blas.reset();
  if (context) {
    cu.cuCtxSetCurrent(context);
  }
  if (stream) {
    cu.cuStreamSynchronize(stream);
    cu.cuStreamDestroy(stream);
  }
  if (module) {
    cu.cuModuleUnload(module);
  }
  if (context) {
    cu.cuDevicePrimaryCtxRelease(ordinal);
  }
}

int CudaDevice::attribute(int which) const {
  int value = 0;
  check(cu.cuDeviceGetAttribute(&value, which, ordinal), "read attribute " + std::to_string(which));
  return value;
}

void CudaDevice::enter() const {
  if (!lost.empty()) {
    throw Error(Exit::Device, lost);
  }
  check(cu.cuCtxSetCurrent(context), "make its context current");
}

void CudaDevice::check(Result result, const std::string &what) const {
  if (result == Success) {
    return;
  }
  std::string said = driver.describe(result);
  if (result == OutOfMemory) {
    throw Error(Exit::Resource, name + ": cannot " + what + ": " + said + "; " + bytesText(freeBytes()) +
                                    " are free: use a smaller batch or context");
  }
  if (isSticky(result)) {
    lost = name + " is lost to this process: " +
           (latest.empty() ? said : said + ", in " + latest + " or one launched before it") +
           "; found out when asked to " + what +
           "; CUDA_LAUNCH_BLOCKING=1 finds the kernel, --target cpu does without the device";
    throw Error(Exit::Device, lost);
  }
  throw Error(Exit::Device, name + ": cannot " + what + ": " + said + "; --target cpu does without the device");
}

// Machine code may be of a toolkit that this driver does not know yet, and text may ask for more than it can compile.
static bool isUnfit(Result result) {
  return result == NoBinaryForGpu || result == InvalidImage || result == UnsupportedPtxVersion ||
         result == InvalidPtx || result == JitCompilerNotFound || result == JitCompilationDisabled;
}

void CudaDevice::load(const SymbolFinder &artifact) {
  std::string reasons;
  for (const Image &image : imagesFor(artifact, major, minor)) {
    std::string log;
    Result result = loadImage(image, log);
    if (result == Success) {
      loaded = image.architecture;
      return;
    }
    if (!isUnfit(result)) {
      check(result, "load " + image.symbol);
    }
    log = log.substr(0, log.find('\n'));
    reasons += "; " + image.symbol + ": " + driver.describe(result) + (log.empty() ? "" : " (" + log + ")");
  }
  std::string device = name + " with compute capability " + std::to_string(major) + "." + std::to_string(minor);
  if (reasons.empty()) {
    throw Error(Exit::Device, "the artifact has no code for " + device + "; compile it with --arch " +
                                  (major == 9 && minor == 0 ? "sm_90a" : "sm_80"));
  }
  throw Error(Exit::Device, device + ", driver for CUDA " + versionText(driver.version()) +
                                ", takes none of the artifact's code" + reasons + "; expected a later driver");
}

Result CudaDevice::loadImage(const Image &image, std::string &log) {
  log.assign(4096, '\0');
  int options[] = {JitErrorLogBuffer, JitErrorLogBufferSizeBytes};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size())};
  Result result = cu.cuModuleLoadDataEx(&module, image.bytes, 2, options, values);
  log.resize(log.find('\0'));
  return result;
}

std::string CudaDevice::describe() const {
  return name + ", compute capability " + std::to_string(major) + "." + std::to_string(minor) +
         (loaded.empty() ? "" : ", code for " + loaded) + ", driver for CUDA " + versionText(driver.version());
}

int64_t CudaDevice::freeBytes() const {
  size_t free = 0, total = 0;
  return cu.cuMemGetInfo(&free, &total) == Success ? int64_t(free) : 0;
}

void *CudaDevice::allocate(int64_t bytes, const std::string &what) {
  enter();
  Address memory = 0;
  size_t some = size_t(std::max<int64_t>(bytes, 1)); // the driver has no empty memory
  check(cu.cuMemAllocAsync(&memory, some, stream), "allocate " + bytesText(bytes) + " for " + what);
  return reinterpret_cast<void *>(uintptr_t(memory));
}

void CudaDevice::release(void *memory) noexcept {
  if (memory && lost.empty()) {
    cu.cuCtxSetCurrent(context);
    cu.cuMemFreeAsync(address(memory), stream);
  }
}

void CudaDevice::upload(void *to, const void *from, int64_t bytes) {
  enter();
  check(cu.cuMemcpyHtoDAsync(address(to), from, size_t(bytes), stream), "copy " + bytesText(bytes) + " to it");
}

void CudaDevice::download(void *to, const void *from, int64_t bytes) {
  enter();
  std::string what = "copy " + bytesText(bytes) + " from it";
  check(cu.cuMemcpyDtoHAsync(to, address(from), size_t(bytes), stream), what);
  check(cu.cuStreamSynchronize(stream), what);
}

void CudaDevice::copy(void *to, const void *from, int64_t bytes) {
  enter();
  check(cu.cuMemcpyDtoDAsync(address(to), address(from), size_t(bytes), stream), "copy " + bytesText(bytes) + " on it");
}

void CudaDevice::clear(void *memory, int64_t bytes) {
  enter();
  check(cu.cuMemsetD8Async(address(memory), 0, size_t(bytes), stream), "clear " + bytesText(bytes));
}

gpu::Kernel *CudaDevice::find(const std::string &kernelName, const std::string &from) {
  enter();
  CudaKernel &kernel = kernels[{kernelName, from}];
  kernel.name = kernelName;
  kernel.from = from;
  if (!kernel.function) {
    Result result = module ? cu.cuModuleGetFunction(&kernel.function, module, kernelName.c_str()) : Result(NotFound);
    if (result == NotFound) {
      throw Error(Exit::Device, "there is no " + kernel.label() + " in the artifact's code" +
                                    (loaded.empty() ? "" : " for " + loaded) + "; compile it again");
    }
    check(result, "find " + kernel.label());
  }
  return &kernel;
}

gpu::TensorMap CudaDevice::encode(const gpu::TensorTile &tile) {
  enter();
  gpu::TensorMap map;
  const uint64_t sizes[] = {tile.size[0], tile.size[1], tile.matrices}, strides[] = {tile.rowBytes, tile.rowBytes * tile.size[1]};
  const uint32_t box[] = {tile.box[0], tile.box[1], 1}, steps[] = {1, 1, 1};
  int type = tile.element == gpu::Element::F32 ? TensorMapFloat32 : TensorMapBFloat16;
  int swizzle = tile.swizzled ? TensorMapSwizzle128B : TensorMapSwizzleNone;
  check(cu.cuTensorMapEncodeTiled(map.bytes, type, tile.matrices ? 3 : 2, tile.base, sizes, strides, box, steps, 0, swizzle,
                                  TensorMapL2Promotion128B, 0),
        "describe a tensor of " + std::to_string(tile.size[1]) + " rows of " + std::to_string(tile.size[0]) +
            " elements, " + bytesText(int64_t(tile.rowBytes)) + " apart, in tiles of " + std::to_string(tile.box[1]) +
            " x " + std::to_string(tile.box[0]) +
            (tile.matrices ? ", in each of " + std::to_string(tile.matrices) + " matrices" : ""));
  return map;
}

void CudaDevice::allowShared(CudaKernel &kernel, uint32_t bytes) const {
  int most = attribute(MaxSharedMemoryPerBlockOptin);
  if (int64_t(bytes) > most) {
    throw Error(Exit::Device, name + ": " + kernel.label() + " needs " + bytesText(bytes) +
                                  " of shared memory in a block, expected at most " + bytesText(most) +
                                  "; compile for an architecture of this device");
  }
  check(cu.cuFuncSetAttribute(kernel.function, MaxDynamicSharedSizeBytes, int(bytes)),
        "allow " + kernel.label() + " " + bytesText(bytes) + " of shared memory");
  kernel.sharedBytes = bytes;
}

void CudaDevice::launch(const gpu::Launch &launch) {
  enter();
  auto &kernel = static_cast<CudaKernel &>(*launch.kernel);
  if (launch.sharedBytes > kernel.sharedBytes) {
    allowShared(kernel, launch.sharedBytes);
  }
  Result result = cu.cuLaunchKernel(kernel.function, launch.grid[0], launch.grid[1], 1, launch.threads, 1, 1,
                                    launch.sharedBytes, stream, launch.arguments, nullptr);
  if (result == Success || isSticky(result)) {
    latest = kernel.label();
  }
  check(result, "launch " + kernel.label() + " on " + std::to_string(launch.grid[0]) + " x " +
                    std::to_string(launch.grid[1]) + " blocks of " + std::to_string(launch.threads) + " threads and " +
                    bytesText(launch.sharedBytes) + " of shared memory");
}

BlasLt *CudaDevice::library() {
  enter();
  if (!blasTried) {
    blasTried = true;
    blas = BlasLt::open(driver.version());
  }
  return blas.get();
}

bool CudaDevice::product(const gpu::ProductCall &call) {
  if (!library() || !blas->run(call, stream)) {
    return false;
  }
  latest = "a product of cuBLASLt (" + call.from + ")";
  return true;
}

void CudaDevice::wait() {
  enter();
  check(cu.cuStreamSynchronize(stream), "wait for its kernels");
}

std::unique_ptr<gpu::Graph> CudaDevice::record(const std::function<void()> &launches) {
  enter();
  check(cu.cuStreamBeginCapture(stream, CaptureModeThreadLocal), "record launches");
  Graph graph = nullptr;
  try {
    launches();
  } catch (...) {
    if (cu.cuStreamEndCapture(stream, &graph) == Success && graph) {
      cu.cuGraphDestroy(graph);
    }
    throw;
  }
  check(cu.cuStreamEndCapture(stream, &graph), "record launches up to " + latest);
  GraphExec exec = nullptr;
  Result result = cu.cuGraphInstantiateWithFlags(&exec, graph, 0);
  cu.cuGraphDestroy(graph);
  check(result, "prepare the recorded launches up to " + latest);
  return std::make_unique<CudaGraph>(*this, exec);
}

std::unique_ptr<gpu::Device> openDevice(const SymbolFinder &artifact, const std::string &driver) {
  auto device = std::make_unique<CudaDevice>(driver);
  device->open();
  if (artifact) {
    device->load(artifact);
  }
  return device;
}

} // namespace mblm::rt::cuda
