// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Gpu/GpuProgram.h"

#include "runtime/ABI.h"
#include "runtime/Gpu/DeviceMemory.h"
#include "runtime/Gpu/Launcher.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Memory.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace mblm::rt::gpu {

namespace {

constexpr size_t mostGraphs = 64;

class GpuProgram final : public Program {
public:
  GpuProgram(Metadata metadata, std::unique_ptr<Device> device, std::shared_ptr<void> library, const std::string &where)
      : library(std::move(library)), where(where), metadata(std::move(metadata)), device(std::move(device)),
        mirrors(*this->device), launcher(*this->device), memoryAtFirst(this->device->freeBytes()) {
    auto found = this->metadata.gpu.find(this->device->architecture());
    if (found == this->metadata.gpu.end()) {
      throw Error(Exit::Device, where + ": holds no code for " + this->device->architecture() + " (" + this->device->describe() +
                                    "); compile the spec again for it");
    }
    plan = &found->second;
  }

  const ModelInfo &info() const override { return metadata.info; }
  const std::vector<StateTensor> &states() const override { return metadata.states; }
  const StepInputs &stepInputs(int64_t stage) const override {
    auto found = plan->entries.find(entryName(Entry::Step, stage));
    return found == plan->entries.end() ? Program::stepInputs(stage) : found->second.inputs;
  }

  int64_t workspaceBytes(Entry entry, int64_t batch, int64_t slots, int64_t stage) const override {
    std::string name = entryName(entry, stage);
    Shape shape = shapeOf(name, batch, slots, metadata.info.plannedPatches(slots));
    return find(name).arena.at(shape, label(name)) * int64_t(sizeof(float));
  }

  void hostAccess(const float *buffer) override { mirrors.onHost(buffer); }
  void forget(const float *buffer) override {
    mirrors.forget(buffer);
    graphs.clear();
  }

  void startProfile() override { launcher.startProfile(*plan); }
  std::vector<KernelTime> profile() const override { return launcher.profile(); }

  void run(Entry entry, const Call &call) override {
    std::string name = entryName(entry, call.stage);
    const PlannedEntry &planned = find(name);
    Shape shape = shapeOf(name, call.batch, call.slots, call.patches);
    Bound bound = bind(name, planned, shape, call);
    upload(planned, shape, call, bound);
    bool trains = call.m != nullptr;
    if (!trains) {
      narrowWeights(planned, shape, bound, call.params);
    }
    if (Graph *graph = launcher.takesTimes() ? nullptr : graphFor(name, planned, shape, bound, trains)) {
      graph->run();
    } else {
      launchAll(planned, shape, bound, trains);
    }
    download(planned, shape, call);
    if (entry == Entry::Empty) { // compiled for one sequence: all are alike
      for (int64_t b = 1; b < call.batch; ++b) {
        std::memcpy(call.output + b * metadata.info.vocab, call.output, metadata.info.vocab * sizeof(float));
      }
    }
  }

private:

  std::string label(const std::string &name) const { return "entry '" + name + "' of " + metadata.info.name; }

  const PlannedEntry &find(const std::string &name) const {
    auto found = plan->entries.find(name);
    if (found == plan->entries.end()) {
      throw Error(Exit::BadInput, where + ": has no entry '" + name + "'; compile the spec again with it");
    }
    return found->second;
  }

  // With the largest pieces that the device's memory, or the limit, leaves room for: judged by what there was at first, since the
  // pieces decide how sums of gradients round.
  Shape shapeOf(const std::string &name, int64_t batch, int64_t slots, int64_t patches) const {
    Shape shape{batch, slots, 1, patches};
    const PlannedEntry &planned = find(name);
    if (planned.loops.empty()) {
      return shape;
    }
    int64_t limit = std::min(memoryAtFirst, memoryAccount().chosenLimit().value_or(memoryAtFirst));
    shape.piece = largestPiece({planned.arena, {}, {}}, shape, /*threads=*/0, limit - besideArena(shape), label(name));
    return shape;
  }

  // Bytes of all other buffers, whatever entry they are for.
  int64_t besideArena(const Shape &shape) const {
    int64_t most = 0, narrow = 0; // floats
    for (const auto &[name, entry] : plan->entries) {
      most = std::max(most, 2 * entry.ids.at(shape, name) + entry.output.at(shape, name));
      narrow = entry.narrow.empty() ? narrow : metadata.info.parameterElements / 2;
    }
    constexpr int64_t smallOnes = 16 << 10;
    return trainingBufferBytes(metadata.info) + (most + narrow) * int64_t(sizeof(float)) + smallOnes;
  }

  // The device's buffer of each slot. Refuses before it allocates anything.
  Bound bind(const std::string &name, const PlannedEntry &planned, const Shape &shape, const Call &call) {
    std::string what =
        label(name) + " with batch " + std::to_string(shape.batch) + " and " + std::to_string(shape.slots) + " slots";
    constexpr int64_t word = sizeof(float), slack = 256;
    int64_t ids = planned.ids.at(shape, what) * word + slack;
    const std::pair<int, int64_t> own[] = {
        {MBLM_ARENA, planned.arena.at(shape, what) * word + slack},
        {MBLM_IDS, ids},
        {MBLM_MASK, ids},
        {MBLM_LENGTHS, planned.lengths.at(shape, what) * word},
        {MBLM_TARGETS, planned.targets.at(shape, what) * word},
        {MBLM_RANGES, planned.ranges.at(shape, what) * word},
        {MBLM_ENTROPIES, planned.entropies.at(shape, what) * word},
        {MBLM_OUTPUT, planned.output.at(shape, what) * word + slack},
        {MBLM_SCALARS, sizeof(Call::Scalars)},
        {MBLM_HYPER, (HyperCount + 1) * word},
        {MBLM_DECAY, int64_t(metadata.info.parameters.size()) * word},
        {MBLM_KEY, sizeof(DropoutKey)},
        {MBLM_NARROW, planned.narrow.empty() ? 0 : metadata.info.parameterElements * word / 2 + slack},
    };
    struct Shared {
      int slot;
      float *host;
      bool written;
    };
    const Shared shared[] = {{MBLM_PARAMS, call.params, call.m != nullptr}, {MBLM_GRADS, call.grads, true}, {MBLM_M, call.m, true},
                             {MBLM_V, call.v, true},                        {MBLM_STATE, call.state, true}};
    auto sharedBytes = [&](int slot) {
      return word * (slot == MBLM_STATE ? stateFloats(metadata.states, shape.batch, shape.slots) : metadata.info.parameterElements);
    };
    int64_t more = 0;
    for (auto [slot, bytes] : own) {
      std::unique_ptr<DeviceMemory> &memory = memories[slot];
      if (!memory) {
        memory = std::make_unique<DeviceMemory>(*device);
      }
      more += memory->missing(bytes);
    }
    for (const Shared &buffer : shared) {
      more += mirrors.missing(buffer.host, sharedBytes(buffer.slot));
    }
    if (more > 0 && more > device->freeBytes()) {
      throw Error(Exit::Resource, what + " needs " + std::to_string(more) + " more bytes on " + device->describe() + ", where " +
                                      std::to_string(std::max<int64_t>(device->freeBytes(), 0)) +
                                      " are free; a smaller batch or length would fit, in training --max-memory, too");
    }
    Bound bound(MBLM_SLOTS);
    for (auto [slot, bytes] : own) {
      if (memories[slot]->grow(bytes, what)) {
        graphs.clear();
        if (slot == MBLM_NARROW) {
          narrowed.clear();
        }
      }
      bound[slot] = memories[slot]->data();
    }
    for (const Shared &buffer : shared) {
      bound[buffer.slot] = static_cast<char *>(mirrors.onDevice(buffer.host, sharedBytes(buffer.slot), what, buffer.written));
    }
    if (plan->pieces > 0 && !memories[MBLM_PIECES]) {
      std::vector<int64_t> table = pieceTable(metadata.info);
      int64_t bytes = int64_t(table.size() * sizeof(int64_t));
      memories[MBLM_PIECES] = std::make_unique<DeviceMemory>(*device);
      memories[MBLM_PIECES]->grow(bytes, what);
      device->upload(memories[MBLM_PIECES]->data(), table.data(), bytes);
    }
    if (memories[MBLM_PIECES]) {
      bound[MBLM_PIECES] = memories[MBLM_PIECES]->data();
    }
    if (planned.hasProducts()) {
      if (!workspace) {
        workspace = std::make_unique<DeviceMemory>(*device);
      }
      workspace->grow(device->productWorkspaceBytes(), "the workspace of library products");
    }
    if (!callBlock) {
      callBlock = std::make_unique<DeviceMemory>(*device);
      callBlock->grow(sizeof(int64_t), what);
    }
    return bound;
  }

  void upload(const PlannedEntry &planned, const Shape &shape, const Call &call, const Bound &bound) {
    auto put = [&](int slot, const void *from, int64_t bytes) {
      if (from && bytes > 0) {
        device->upload(bound[slot], from, bytes);
      }
    };
    int64_t ids = planned.ids.at(shape, where);
    constexpr int64_t word = sizeof(int32_t);
    put(MBLM_IDS, call.ids, ids * word);
    put(MBLM_LENGTHS, call.lengths, planned.lengths.at(shape, where) * word);
    put(MBLM_TARGETS, call.targets, planned.targets.at(shape, where) * word);
    put(MBLM_RANGES, call.ranges, planned.ranges.at(shape, where) * word);
    put(MBLM_ENTROPIES, call.entropies, planned.entropies.at(shape, where) * word);
    if (call.scalars) {
      if (call.mask) {
        put(MBLM_MASK, call.mask, ids * int64_t(sizeof(float)));
      } else {
        std::vector<float> ones(ids, 1.0f);
        put(MBLM_MASK, ones.data(), ids * int64_t(sizeof(float)));
      }
    }
    if (call.grads) { // the others read none of these
      float hyper[HyperCount + 1] = {};
      if (call.hyper) {
        std::memcpy(hyper, call.hyper, HyperCount * sizeof(float));
      }
      hyper[HyperCount] = call.scale;
      put(MBLM_HYPER, hyper, sizeof hyper);
      put(MBLM_DECAY, call.decay, int64_t(metadata.info.parameters.size() * sizeof(float)));
      DropoutKey key = dropoutKey(call.draw);
      put(MBLM_KEY, key.data(), sizeof key);
    }
    device->upload(callBlock->data(), &call.position, sizeof call.position);
  }

  // Those of the weights' copies that are missing, or older than the weights.
  void narrowWeights(const PlannedEntry &planned, const Shape &shape, const Bound &bound, const float *params) {
    std::pair newest(params, mirrors.version(params));
    if (newest != narrowedFrom) {
      narrowed.clear();
      narrowedFrom = newest;
    }
    Launcher::Call call{shape, bound, callBlock->data(), nullptr};
    for (const PlannedLaunch &launch : planned.narrow) {
      if (narrowed.insert({launch.arguments[0].offset.coefficients[0], launch.kernel}).second) {
        launcher.run(&launch, &launch + 1, {}, call);
      }
    }
  }

  void run(const std::vector<PlannedLaunch> &launches, const std::vector<PlannedLoop> &loops, const Launcher::Call &call) {
    launcher.run(launches.data(), launches.data() + launches.size(), loops, call);
  }

  // A step changes all weights, so that it makes their copies itself.
  void launchAll(const PlannedEntry &planned, const Shape &shape, const Bound &bound, bool trains) {
    Launcher::Call call{shape, bound, callBlock->data(), workspace ? workspace->data() : nullptr};
    if (trains) {
      run(planned.narrow, {}, call);
    }
    run(planned.launches, planned.loops, call);
  }

  // The launches as a graph, recorded when they come for the second time; null where there is none. Loops are too long for one.
  Graph *graphFor(const std::string &name, const PlannedEntry &planned, const Shape &shape, const Bound &bound, bool trains) {
    if (!planned.loops.empty()) {
      return nullptr;
    }
    std::string key = name + ' ' + std::to_string(shape.batch) + ' ' + std::to_string(shape.slots) + ' ' + std::to_string(shape.patches);
    for (char *pointer : bound) {
      key += ' ' + std::to_string(reinterpret_cast<uintptr_t>(pointer));
    }
    if (graphs.size() >= mostGraphs) {
      graphs.clear();
    }
    auto [found, isNew] = graphs.try_emplace(key);
    if (isNew) {
      return nullptr;
    }
    Recorded &recorded = found->second;
    if (!recorded.tried) {
      recorded.tried = true;
      recorded.graph = device->record([&] { launchAll(planned, shape, bound, trains); });
    }
    return recorded.graph.get();
  }

  void download(const PlannedEntry &planned, const Shape &shape, const Call &call) {
    int64_t floats = planned.output.at(shape, where);
    if (call.output && floats > 0) {
      device->download(call.output, memories[MBLM_OUTPUT]->data(), floats * int64_t(sizeof(float)));
    }
    if (call.patchLengths) {
      device->download(call.patchLengths, memories[MBLM_LENGTHS]->data(), planned.lengths.at(shape, where) * int64_t(sizeof(int32_t)));
    }
    if (call.scalars) {
      device->download(call.scalars, memories[MBLM_SCALARS]->data(), sizeof(Call::Scalars));
    }
    device->wait();
  }

  struct Recorded {
    bool tried = false;
    std::unique_ptr<Graph> graph;
  };

  std::shared_ptr<void> library; // first, so that it is closed last
  std::string where;
  Metadata metadata;
  const Plan *plan = nullptr;
  std::unique_ptr<Device> device;
  Mirrors mirrors;
  Launcher launcher;
  const int64_t memoryAtFirst; // bytes
  std::map<int, std::unique_ptr<DeviceMemory>> memories;
  std::unique_ptr<DeviceMemory> callBlock;
  std::unique_ptr<DeviceMemory> workspace; // of library products
  std::map<std::string, Recorded> graphs;
  std::pair<const float *, int64_t> narrowedFrom;          // parameters and their version
  std::set<std::pair<int64_t, std::string>> narrowed;      // copies of them: offsets and kernels
};

} // namespace

std::unique_ptr<Program> makeProgram(Metadata metadata, std::unique_ptr<Device> device, std::shared_ptr<void> library,
                                     const std::string &where) {
  return std::make_unique<GpuProgram>(std::move(metadata), std::move(device), std::move(library), where);
}

} // namespace mblm::rt::gpu
