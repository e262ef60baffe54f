// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As strict as the driver where the runtime could go wrong: a context must be current, memory must be its own, a block
// may have so much shared memory as was asked for, nothing is freed twice.
#include "test/cuda/FakeDriver.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sstream>

using namespace mblm::rt::cuda;
using mblm::test::FakeDriver;

namespace mblm::rt::cuda {
struct ContextOpaque {};
struct StreamOpaque {
  GraphOpaque *recording = nullptr;
};
struct FunctionOpaque {
  std::string name;
  int sharedBytes = 48 * 1024;
};
struct ModuleOpaque {
  std::map<std::string, FunctionOpaque> functions;
};
struct GraphOpaque {
  std::vector<std::string> launches;
};
struct GraphExecOpaque {
  std::vector<std::string> launches;
};
} // namespace mblm::rt::cuda

static FakeDriver state;
[[maybe_unused]] static const bool isTold = [] {
  const char *told = std::getenv("FAKE_FAILURES");
  std::istringstream words(told ? told : "");
  for (std::string word; words >> word;) {
    size_t middle = word.find('=');
    state.failures[word.substr(0, middle)] = std::atoi(word.c_str() + middle + 1);
  }
  return told != nullptr;
}();
static ContextOpaque primary;
static thread_local Context current = nullptr;

static Result enter(const std::string &name, const std::string &details = "") {
  if (name != "cuCtxSetCurrent") {
    state.calls.push_back(name + (details.empty() ? "" : " " + details));
  }
  if (state.sticky) {
    return state.sticky;
  }
  auto failure = state.failures.find(name);
  if (failure == state.failures.end()) {
    return Success;
  }
  state.sticky = failure->second >= 700 && failure->second != LaunchOutOfResources ? failure->second : 0;
  return failure->second;
}

static Result enterContext(const std::string &name, const std::string &details = "") {
  Result result = enter(name, details);
  return result == Success && current != &primary ? 201 /* CUDA_ERROR_INVALID_CONTEXT */ : result;
}

#define ENTER(...)                                                                                                     \
  if (Result result = enter(__VA_ARGS__); result != Success)                                                           \
  return result
#define ENTER_CONTEXT(...)                                                                                             \
  if (Result result = enterContext(__VA_ARGS__); result != Success)                                                    \
  return result

constexpr Result invalidValue = 1;

template <typename T>
static Result make(T **handle, const char *kind, T *made) {
  *handle = made;
  state.alive.insert(kind);
  return Success;
}

template <typename T>
static Result destroy(T *handle, const char *kind) {
  auto found = state.alive.find(kind);
  if (!handle || found == state.alive.end()) {
    return invalidValue;
  }
  state.alive.erase(found);
  delete handle;
  return Success;
}

static bool isInside(Address address, size_t bytes) {
  auto next = state.memory.upper_bound(address);
  if (next == state.memory.begin()) {
    return false;
  }
  const auto &[begin, size] = *std::prev(next);
  return address + bytes <= begin + size;
}

static void *host(Address address) { return reinterpret_cast<void *>(uintptr_t(address)); }

extern "C" {

FakeDriver *fakeDriver() { return &state; }

Result cuInit(unsigned flags) {
  ENTER("cuInit");
  return flags == 0 ? Success : invalidValue;
}
Result cuDriverGetVersion(int *version) {
  *version = state.version;
  return Success;
}

static const std::map<Result, std::pair<const char *, const char *>> errors = {
    {1, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
    {2, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {100, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
    {209, {"CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"}},
    {222, {"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."}},
    {700, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
    {701, {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"}},
};
Result cuGetErrorName(Result result, const char **name) {
  auto found = errors.find(result);
  *name = found == errors.end() ? nullptr : found->second.first;
  return *name ? Success : invalidValue;
}
Result cuGetErrorString(Result result, const char **text) {
  auto found = errors.find(result);
  *text = found == errors.end() ? nullptr : found->second.second;
  return *text ? Success : invalidValue;
}

Result cuDeviceGetCount(int *count) {
  ENTER("cuDeviceGetCount");
  *count = state.devices;
  return Success;
}
Result cuDeviceGet(Ordinal *device, int which) {
  ENTER("cuDeviceGet");
  *device = which;
  return Success;
}
Result cuDeviceGetName(char *name, int bytes, Ordinal) {
  ENTER("cuDeviceGetName");
  std::strncpy(name, "Fake GPU", size_t(bytes));
  return Success;
}
Result cuDeviceGetAttribute(int *value, int attribute, Ordinal) {
  ENTER("cuDeviceGetAttribute");
  *value = attribute == ComputeCapabilityMajor         ? state.major
           : attribute == ComputeCapabilityMinor       ? state.minor
           : attribute == MaxSharedMemoryPerBlockOptin ? state.sharedBytes
                                                       : -1;
  return *value < 0 ? invalidValue : Success;
}
Result cuDevicePrimaryCtxRetain(Context *context, Ordinal) {
  ENTER("cuDevicePrimaryCtxRetain");
  return make(context, "context", &primary);
}
Result cuDevicePrimaryCtxRelease_v2(Ordinal) {
  ENTER("cuDevicePrimaryCtxRelease");
  state.alive.erase(state.alive.find("context"));
  return Success;
}
Result cuCtxSetCurrent(Context context) {
  ENTER("cuCtxSetCurrent");
  current = context;
  return Success;
}

static std::vector<std::string> kernelNames(const std::string &text) {
  std::vector<std::string> names;
  std::istringstream words(text);
  std::string word;
  words >> word;
  bool isPtx = word == ".version";
  for (std::string before = word; words >> word; before = word) {
    if (!isPtx) {
      names.push_back(word);
    } else if (before == ".entry") {
      names.push_back(word.substr(0, word.find('(')));
    }
  }
  return names;
}

Result cuModuleLoadDataEx(Module *module, const void *image, unsigned count, int *options, void **values) {
  const char *text = static_cast<const char *>(image);
  ENTER_CONTEXT("cuModuleLoadDataEx", std::string(text).substr(0, 30));
  if (std::memcmp(text,
                  "\x7f"
                  "ELF",
                  4) == 0) {
    return NoBinaryForGpu; // there is nothing to run it
  }
  if (auto refusal = state.refusals.find(image); refusal != state.refusals.end()) {
    if (count == 2 && options[0] == JitErrorLogBuffer && options[1] == JitErrorLogBufferSizeBytes) {
      std::strncpy(static_cast<char *>(values[0]), state.log.c_str(), reinterpret_cast<size_t>(values[1]));
    }
    return refusal->second;
  }
  auto *made = new ModuleOpaque;
  for (const std::string &name : kernelNames(text)) {
    made->functions[name].name = name;
  }
  return make(module, "module", made);
}
Result cuModuleUnload(Module module) {
  ENTER_CONTEXT("cuModuleUnload");
  return destroy(module, "module");
}
Result cuModuleGetFunction(Function *function, Module module, const char *name) {
  ENTER_CONTEXT("cuModuleGetFunction", name);
  auto found = module->functions.find(name);
  if (found == module->functions.end()) {
    return NotFound;
  }
  *function = &found->second;
  return Success;
}
Result cuFuncSetAttribute(Function function, int attribute, int value) {
  ENTER_CONTEXT("cuFuncSetAttribute", std::to_string(value));
  if (attribute != MaxDynamicSharedSizeBytes || value > state.sharedBytes) {
    return invalidValue;
  }
  function->sharedBytes = value;
  return Success;
}
Result cuLaunchKernel(Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                      unsigned blockY, unsigned blockZ, unsigned sharedBytes, Stream stream, void **arguments,
                      void **extra) {
  std::ostringstream what;
  what << function->name << " " << gridX << "x" << gridY << "x" << gridZ << " " << blockX << "x" << blockY << "x"
       << blockZ << " " << sharedBytes << " " << *static_cast<int64_t *>(arguments[0]);
  if (stream->recording) {
    stream->recording->launches.push_back(what.str());
    return enterContext("cuLaunchKernel", "(recorded)");
  }
  ENTER_CONTEXT("cuLaunchKernel", what.str());
  return int(sharedBytes) > function->sharedBytes || extra ? invalidValue : Success;
}

Result cuStreamCreate(Stream *stream, unsigned flags) {
  ENTER_CONTEXT("cuStreamCreate");
  return flags == StreamNonBlocking ? make(stream, "stream", new StreamOpaque) : invalidValue;
}
Result cuStreamDestroy_v2(Stream stream) {
  ENTER_CONTEXT("cuStreamDestroy");
  return destroy(stream, "stream");
}
Result cuStreamSynchronize(Stream stream) {
  ENTER_CONTEXT("cuStreamSynchronize");
  return stream->recording ? 900 : Success;
}
Result cuStreamBeginCapture_v2(Stream stream, int mode) {
  ENTER_CONTEXT("cuStreamBeginCapture");
  return stream->recording || mode != CaptureModeThreadLocal ? invalidValue
                                                             : make(&stream->recording, "graph", new GraphOpaque);
}
Result cuStreamEndCapture(Stream stream, Graph *graph) {
  *graph = stream->recording;
  stream->recording = nullptr;
  ENTER_CONTEXT("cuStreamEndCapture");
  return Success;
}
Result cuGraphInstantiateWithFlags(GraphExec *exec, Graph graph, unsigned long long) {
  ENTER_CONTEXT("cuGraphInstantiateWithFlags");
  return make(exec, "exec", new GraphExecOpaque{graph->launches});
}
Result cuGraphLaunch(GraphExec exec, Stream) {
  ENTER_CONTEXT("cuGraphLaunch");
  for (const std::string &launch : exec->launches) {
    state.calls.push_back("  " + launch);
  }
  return Success;
}
Result cuGraphDestroy(Graph graph) {
  ENTER("cuGraphDestroy");
  return destroy(graph, "graph");
}
Result cuGraphExecDestroy(GraphExec exec) {
  ENTER("cuGraphExecDestroy");
  return destroy(exec, "exec");
}

Result cuMemGetInfo_v2(size_t *free, size_t *total) {
  *free = *total = state.freeBytes;
  return current == &primary ? Success : 201;
}
Result cuMemAllocAsync(Address *address, size_t bytes, Stream) {
  ENTER_CONTEXT("cuMemAllocAsync", std::to_string(bytes));
  *address = reinterpret_cast<uintptr_t>(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  state.memory[*address] = bytes;
  return Success;
}
Result cuMemFreeAsync(Address address, Stream) {
  ENTER_CONTEXT("cuMemFreeAsync");
  if (state.memory.erase(address) == 0) {
    return invalidValue;
  }
  std::free(host(address));
  return Success;
}
Result cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, Stream) {
  ENTER_CONTEXT("cuMemcpyHtoDAsync", std::to_string(bytes));
  if (!isInside(to, bytes)) {
    return invalidValue;
  }
  std::memcpy(host(to), from, bytes);
  return Success;
}
Result cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, Stream) {
  ENTER_CONTEXT("cuMemcpyDtoHAsync", std::to_string(bytes));
  if (!isInside(from, bytes)) {
    return invalidValue;
  }
  std::memcpy(to, host(from), bytes);
  return Success;
}
Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, Stream) {
  ENTER_CONTEXT("cuMemcpyDtoDAsync", std::to_string(bytes));
  if (!isInside(to, bytes) || !isInside(from, bytes)) {
    return invalidValue;
  }
  std::memcpy(host(to), host(from), bytes);
  return Success;
}
Result cuMemsetD8Async(Address address, unsigned char value, size_t bytes, Stream) {
  ENTER_CONTEXT("cuMemsetD8Async", std::to_string(bytes));
  if (!isInside(address, bytes)) {
    return invalidValue;
  }
  std::memset(host(address), value, bytes);
  return Success;
}

Result cuTensorMapEncodeTiled(void *map, int type, uint32_t rank, void *base, const uint64_t *sizes,
                              const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,
                              int swizzle, int promotion, int fill) {
  std::ostringstream what;
  auto list = [&](const auto *numbers, uint32_t count) {
    for (uint32_t n = 0; n < count; ++n) {
      what << (n ? "x" : " ") << numbers[n];
    }
  };
  what << type << " rank " << rank;
  list(sizes, rank);
  list(strides, rank - 1);
  what << " box";
  list(box, rank);
  what << " steps";
  list(steps, rank);
  what << " " << interleave << swizzle << promotion << fill;
  ENTER("cuTensorMapEncodeTiled", what.str());
  if (reinterpret_cast<uintptr_t>(map) % 64 != 0 || strides[0] % 16 != 0) {
    return invalidValue;
  }
  std::memcpy(map, &base, sizeof base);
  return Success;
}

Result cuGetProcAddress_v2(const char *name, void **function, int version, uint64_t flags, int *) {
  *function = nullptr;
  state.versions[name] = version;
  Dl_info self;
  if (!state.hasGetProcAddress || flags != 0 || !dladdr(&state, &self)) {
    return NotFound;
  }
  void *library = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD);
#define FAKE_FIND(one, symbol, since, parameters)                                                                      \
  if (std::strcmp(name, #one) == 0 && version >= since) {                                                              \
    *function = dlsym(library, symbol);                                                                                \
  }
  MBLM_CUDA_FUNCTIONS(FAKE_FIND)
#undef FAKE_FIND
  dlclose(library);
  return *function ? Success : NotFound;
}

} // extern "C"
