// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Artifacts are opened with the dynamic loader, after a look at the ELF headers (the loader trusts them and may crash
// on a truncated file).
#include "runtime/Artifact.h"

#include "runtime/Cuda/CudaDevice.h"
#include "runtime/Gpu/GpuProgram.h"
#include "runtime/Level.h"
#include "runtime/Metadata.h"
#include "runtime/Profile.h"
#include "runtime/Sim/SimDevice.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"
#include "runtime/ThreadPool.h"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <filesystem>

namespace mblm::rt {

namespace {

using EntryFunction = int32_t (*)(MblmContext *);

struct LoadedLibrary {
  void *handle = nullptr;
  ~LoadedLibrary() {
    if (handle) {
      dlclose(handle);
    }
  }
};

// The code that this CPU is to run.
const NativeCode &chooseCode(const Metadata &metadata, const std::string &where) {
  std::vector<std::string> held;
  for (const NativeCode &code : metadata.levels) {
    held.push_back(code.level);
  }
  std::string chosen = chooseLevel(held, where);
  return metadata.levels[size_t(std::find(held.begin(), held.end(), chosen) - held.begin())];
}

// An entry of the artifact that is there.
struct LoadedEntry {
  EntryFunction function = nullptr;
  const EntrySizes *sizes = nullptr;
  std::string label; // in messages
};

class ArtifactProgram final : public Program {
public:
  ArtifactProgram(const LinkedArtifact &linked, std::unique_ptr<LoadedLibrary> library, const std::string &where, int threads)
      : library(std::move(library)), where(where), metadata(parseMetadata(linked.metadata, where)),
        code(chooseCode(metadata, where)), pool(threads > 0 ? threads : availableThreads()) {
    for (const auto &[name, sizes] : code.entries) {
      void *found = linked.find ? linked.find("mblm_entry_" + name + code.suffix) : nullptr;
      entries[name] = {reinterpret_cast<EntryFunction>(found), &sizes, "entry '" + name + "' of " + metadata.info.name};
    }
  }

  const ModelInfo &info() const override { return metadata.info; }
  const std::vector<StateTensor> &states() const override { return metadata.states; }
  std::string level() const override { return code.level; }

  const StepInputs &stepInputs(int64_t stage) const override {
    auto found = code.entries.find(entryName(Entry::Step, stage));
    return found == code.entries.end() ? Program::stepInputs(stage) : found->second.inputs;
  }

  int64_t workspaceBytes(Entry entry, int64_t batch, int64_t slots, int64_t stage) const override {
    const LoadedEntry &loaded = find(entry, stage);
    Shape shape = shapeOf(entry, loaded, batch, slots, metadata.info.plannedPatches(slots));
    return loaded.sizes->bytes(shape, pool.threads(), loaded.label);
  }

  void hostAccess(const float *buffer) override {
    if (buffer == preparedFrom) {
      preparedFrom = nullptr;
    }
  }
  void forget(const float *buffer) override { hostAccess(buffer); }

  bool quantizes() const override { return !code.prepared.quantized.empty(); }

  void quantize(float *params) override {
    if (!quantizes()) {
      return;
    }
    prepareCopies(params);
    for (const PreparedCopies::Quantized &weight : code.prepared.quantized) {
      const auto *numbers = reinterpret_cast<const int8_t *>(prepared.data() + weight.numbers);
      const float *scales = prepared.data() + weight.scales;
      float *target = params + weight.offset;
      for (int64_t n = 0; n < weight.rows * weight.columns; ++n) {
        target[n] = scales[n / weight.columns] * float(numbers[n]);
      }
    }
  }

  void run(Entry entry, const Call &call) override {
    const LoadedEntry &loaded = find(entry, call.stage);
    Shape shape = shapeOf(entry, loaded, call.batch, call.slots, call.patches);
    (void)loaded.sizes->bytes(shape, pool.threads(), loaded.label); // refuses what cannot be counted
    reserve(loaded, shape);
    if (loaded.sizes->copies > 0) {
      prepareCopies(call.params);
    }

    float hyper[HyperCount + 1] = {};
    if (call.hyper) {
      std::memcpy(hyper, call.hyper, HyperCount * sizeof(float));
    }
    hyper[HyperCount] = call.scale;
    DropoutKey key = dropoutKey(call.draw);
    Call::Scalars scalars;
    MblmContext context = newContext();
    if (times) {
      static const std::vector<Launches> none;
      auto found = code.launches.find(entryName(entry, call.stage));
      times->begin(found == code.launches.end() ? none : found->second,
                   (call.batch * call.slots + shape.piece - 1) / shape.piece);
      context.parallel = Profile::parallel;
      context.pool = times.get();
    }
    context.batch = call.batch;
    context.slots = call.slots;
    context.position = call.position;
    context.piece = shape.piece;
    context.patches = shape.patches;
    context.buffers[MBLM_ARENA] = arena.data();
    context.buffers[MBLM_PARAMS] = call.params;
    context.buffers[MBLM_GRADS] = call.grads;
    context.buffers[MBLM_M] = call.m;
    context.buffers[MBLM_V] = call.v;
    context.buffers[MBLM_IDS] = const_cast<int32_t *>(call.ids);
    context.buffers[MBLM_MASK] = const_cast<float *>(mask(entry, call));
    context.buffers[MBLM_OUTPUT] = call.output;
    context.buffers[MBLM_SCALARS] = call.scalars ? call.scalars : &scalars;
    context.buffers[MBLM_HYPER] = hyper;
    context.buffers[MBLM_DECAY] = const_cast<float *>(call.decay);
    context.buffers[MBLM_KEY] = key.data();
    context.buffers[MBLM_STATE] = call.state;
    context.buffers[MBLM_RANGES] = const_cast<int32_t *>(call.ranges);
    context.buffers[MBLM_TARGETS] = const_cast<int32_t *>(call.targets);
    context.buffers[MBLM_VISIBLE] = const_cast<int32_t *>(call.visible);
    context.buffers[MBLM_LENGTHS] = entry == Entry::Patches ? call.patchLengths : const_cast<int32_t *>(call.lengths);
    context.buffers[MBLM_ENTROPIES] = const_cast<float *>(call.entropies);
    context.buffers[MBLM_PREPARED] = prepared.data();
    execute(loaded, context);
    if (call.m) { // the parameters are new
      hostAccess(call.params);
    }
    if (entry == Entry::Empty) { // compiled for one sequence: all are alike
      for (int64_t b = 1; b < call.batch; ++b) {
        std::memcpy(call.output + b * metadata.info.vocab, call.output, metadata.info.vocab * sizeof(float));
      }
    }
  }

  void startProfile() override { times = std::make_unique<Profile>(pool); }
  std::vector<KernelTime> profile() const override { return times ? times->times() : std::vector<KernelTime>(); }

private:
  const LoadedEntry &find(Entry entry, int64_t stage) const {
    auto found = entries.find(entryName(entry, stage));
    if (found == entries.end() || !found->second.function) {
      throw Error(Exit::BadInput,
                  where + ": has no entry '" + entryName(entry, stage) + "'; compile the spec again with it");
    }
    return found->second;
  }

  MblmContext newContext() {
    MblmContext context = {};
    context.parallel = ThreadPool::parallel;
    context.pool = &pool;
    context.threads = pool.threads();
    return context;
  }

  void execute(const LoadedEntry &entry, MblmContext &context) {
    int32_t failed = entry.function(&context);
    if (failed != 0) {
      throw Error(Exit::Internal, where + ": " + entry.label + " returned " + std::to_string(failed));
    }
  }

  // Makes the copies of weights, unless they are of these parameters as they are.
  void prepareCopies(float *params) {
    if (preparedFrom == params) {
      return;
    }
    const LoadedEntry &entry = find(Entry::Prepare, 0);
    growBuffer(prepared, code.prepared.floats, "copies of weights of " + metadata.info.name);
    reserve(entry, {});
    MblmContext context = newContext();
    context.buffers[MBLM_PARAMS] = params;
    context.buffers[MBLM_PREPARED] = prepared.data();
    execute(entry, context);
    preparedFrom = params;
  }

  // With the largest pieces that the memory limit leaves room for. Where gradients are summed, the pieces decide their
  // rounding, so there all that counts is the limit itself, and not what else the process holds at the moment.
  Shape shapeOf(Entry entry, const LoadedEntry &loaded, int64_t batch, int64_t slots, int64_t patches) const {
    Shape shape{batch, slots, 1, patches};
    if (!loaded.sizes->byPieces()) {
      return shape;
    }
    int64_t left = memoryAccount().limit();
    if (entry == Entry::Gradients || entry == Entry::TrainStep) {
      left -= trainingBufferBytes(metadata.info);
    } else {
      left -= memoryAccount().used() - held();
    }
    shape.piece = largestPiece(*loaded.sizes, shape, pool.threads(), left, loaded.label);
    return shape;
  }

  // Bytes of arena and scratch as they are.
  int64_t held() const { return (arena ? bufferBytes(arena.size(), where) : 0) + pool.scratchBytes(); }

  void reserve(const LoadedEntry &entry, const Shape &shape) {
    int64_t floats = entry.sizes->arena.at(shape, entry.label);
    if (arena.size() < floats) {
      growBuffer(arena, floats,
                 entry.label + " with batch " + std::to_string(shape.batch) + " and " + std::to_string(shape.slots) +
                     " slots");
    }
    pool.reserveScratch(entry.sizes->scratch.at(shape, entry.label));
  }

  // The ABI wants a mask wherever a loss is computed.
  const float *mask(Entry entry, const Call &call) {
    bool losing = entry == Entry::Loss || entry == Entry::Gradients || entry == Entry::TrainStep;
    if (call.mask || !losing) {
      return call.mask;
    }
    ones.assign(call.batch * call.slots * metadata.info.inner, 1.0f);
    return ones.data();
  }

  std::unique_ptr<LoadedLibrary> library; // first, so that it is closed last
  std::string where;
  const Metadata metadata;
  const NativeCode &code; // of `metadata`
  std::map<std::string, LoadedEntry> entries;
  ThreadPool pool;
  std::unique_ptr<Profile> times; // null: not profiling
  Buffer arena;
  Buffer prepared;                     // copies of weights
  const float *preparedFrom = nullptr; // the parameters that these are of; null: of none, or of what has changed
  std::vector<float> ones;
};

// Whether all that the ELF headers promise lies inside the file.
void checkElf(const std::string &path) {
  InputFile file(path);
  auto damaged = [&](const std::string &why) {
    return Error(Exit::Integrity, "'" + path + "' is not a whole artifact: " + why + "; compile the spec again");
  };
  Elf64_Ehdr header;
  if (file.size() < int64_t(sizeof header)) {
    throw damaged("it has only " + std::to_string(file.size()) + " bytes");
  }
  file.read(0, &header, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_type != ET_DYN) {
    throw damaged("it is no 64-bit shared object");
  }
  auto inside = [&](uint64_t offset, uint64_t bytes) {
    return offset <= uint64_t(file.size()) && bytes <= uint64_t(file.size()) - offset;
  };
  if (header.e_phentsize != sizeof(Elf64_Phdr) ||
      !inside(header.e_phoff, uint64_t(header.e_phnum) * sizeof(Elf64_Phdr)) ||
      !inside(header.e_shoff, uint64_t(header.e_shnum) * header.e_shentsize)) {
    throw damaged("its headers point beyond its " + std::to_string(file.size()) + " bytes");
  }
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    file.read(header.e_phoff + i * sizeof segment, &segment, sizeof segment);
    if (!inside(segment.p_offset, segment.p_filesz)) {
      throw damaged("a segment reaches beyond its " + std::to_string(file.size()) + " bytes");
    }
  }
}

LinkedArtifact lookUp(void *handle, const std::string &where) {
  LinkedArtifact code;
  code.metadata = static_cast<const char *>(dlsym(handle, "mblm_metadata"));
  if (!code.metadata) {
    throw Error(Exit::Integrity, where + ": no MBLM artifact: the symbol 'mblm_metadata' is missing");
  }
  code.find = [handle](const std::string &symbol) { return dlsym(handle, symbol.c_str()); };
  return code;
}

std::unique_ptr<LoadedLibrary> openLibrary(const std::string &path) {
  checkElf(path);
  // The loader searches its own folders for a name without a slash.
  std::string absolute = std::filesystem::absolute(path).string();
  auto library = std::make_unique<LoadedLibrary>();
  library->handle = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library->handle) {
    throw Error(Exit::Integrity, std::string("cannot load artifact: ") + dlerror());
  }
  return library;
}

} // namespace

bool isArtifact(const std::string &path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) || std::filesystem::file_size(path, error) < SELFMAG || error) {
    return false;
  }
  char magic[SELFMAG];
  InputFile(path).read(0, magic, SELFMAG);
  return std::memcmp(magic, ELFMAG, SELFMAG) == 0;
}

std::unique_ptr<Program> loadArtifact(const std::string &path, int threads, RunOn runOn) {
  std::unique_ptr<LoadedLibrary> library = openLibrary(path);
  LinkedArtifact code = lookUp(library->handle, path);
  if (runOn == RunOn::Cpu) {
    return std::make_unique<ArtifactProgram>(code, std::move(library), path, threads);
  }
  Metadata metadata = parseMetadata(code.metadata, path);
  if (metadata.gpu.empty()) {
    throw Error(Exit::BadInput, path + ": holds no CUDA kernels; compile the spec again with --target " +
                                    (runOn == RunOn::Cuda ? "cuda" : "sim"));
  }
  std::unique_ptr<gpu::Device> device;
  if (runOn == RunOn::Cuda) {
    device = cuda::openDevice(code.find);
  } else {
    device = gpu::SimDevice::open(code.find, metadata.gpu.begin()->first);
  }
  return gpu::makeProgram(std::move(metadata), std::move(device), std::move(library), path);
}

std::string artifactSpecText(const std::string &path) {
  std::unique_ptr<LoadedLibrary> library = openLibrary(path);
  return parseMetadata(lookUp(library->handle, path).metadata, path).info.spec;
}

std::unique_ptr<Program> linkedProgram(const LinkedArtifact &artifact, int threads) {
  return std::make_unique<ArtifactProgram>(artifact, nullptr, "this program", threads);
}

std::unique_ptr<Program> selfProgram(int threads) {
  return linkedProgram(lookUp(RTLD_DEFAULT, "this program"), threads);
}

} // namespace mblm::rt
