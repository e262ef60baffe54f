// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Gpu/Launcher.h"

#include "runtime/ABI.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace mblm::rt::gpu {

constexpr size_t mostTensorMaps = 4096;

void Launcher::run(const PlannedLaunch *begin, const PlannedLaunch *end, const std::vector<PlannedLoop> &loops, const Call &call) {
  if (tensorMaps.size() >= mostTensorMaps) {
    tensorMaps.clear();
  }
  while (begin != end) {
    const PlannedLaunch *behind = std::find_if(begin, end, [&](const PlannedLaunch &other) { return other.loop != begin->loop; });
    if (begin->loop) {
      runLoop(loops[*begin->loop], begin, behind, call);
    } else {
      runOnce(begin, behind, call);
    }
    begin = behind;
  }
}

// The map of what begins at `base`, for one launch's arguments.
TensorMap *Launcher::encoded(const PlannedMap &map, void *base, int64_t rows, int64_t matrices) {
  auto [found, isNew] = tensorMaps.try_emplace({&map, base, rows, matrices});
  if (isNew) {
    TensorTile tile;
    tile.base = base;
    tile.size[0] = uint64_t(map.columns);
    tile.size[1] = uint64_t(rows);
    tile.rowBytes = uint64_t(map.columns) * 2;
    tile.matrices = uint64_t(matrices);
    tile.box[0] = uint32_t(map.tileColumns);
    tile.box[1] = uint32_t(map.tileRows);
    tile.swizzled = true;
    found->second = device.encode(tile);
  }
  return &found->second;
}

void Launcher::runLoop(const PlannedLoop &loop, const PlannedLaunch *begin, const PlannedLaunch *end, const Call &call) {
  const Shape &shape = call.shape;
  auto place = [&](const Argument &at) { return call.bound[at.slot] + at.offset.at(shape, begin->from) * int64_t(sizeof(float)); };
  Bound own = call.bound;
  own[MBLM_ARENA] = place(loop.arena);
  own.resize(MBLM_SLOTS + loop.tensors.size());
  int64_t total = shape.batch * shape.slots;
  for (int64_t first = 0; first < total; first += shape.piece) {
    for (size_t n = 0; n < loop.tensors.size(); ++n) {
      own[MBLM_SLOTS + n] = place(loop.tensors[n].at) + first * loop.tensors[n].elements * int64_t(sizeof(float));
    }
    runOnce(begin, end, {{1, std::min(shape.piece, total - first)}, own, call.block, call.workspace});
  }
}

void Launcher::runOnce(const PlannedLaunch *begin, const PlannedLaunch *end, const Call &call) {
  for (const PlannedLaunch *next = begin; next != end; ++next) {
    std::vector<void *> pointers;
    for (const Argument &argument : next->arguments) {
      pointers.push_back(call.bound[argument.slot] + argument.offset.at(call.shape, next->from) * int64_t(sizeof(float)));
    }
    if (next->product && multiply(*next, pointers, call)) {
      next += next->product->launches - 1;
    } else {
      launch(*next, pointers, call);
    }
  }
}

// By a library; false where the kernels are to do it.
bool Launcher::multiply(const PlannedLaunch &launch, const std::vector<void *> &pointers, const Call &call) {
  ProductCall product = launch.product->call(pointers, call.shape, launch.from);
  if (product.rows <= 0 || product.columns <= 0 || product.depth <= 0 || !launch.product->wanted(product)) {
    return false;
  }
  product.workspace = call.workspace;
  product.workspaceBytes = call.workspace ? device.productWorkspaceBytes() : 0;
  if (!times) {
    return device.product(product);
  }
  bool done = false;
  double seconds = secondsOf([&] { done = device.product(product); });
  if (done) {
    addTime(launch.kernel + " (library)", seconds);
  }
  return done;
}

void Launcher::launch(const PlannedLaunch &launch, std::vector<void *> &pointers, const Call &call) {
  const Shape &shape = call.shape;
  int64_t batch = shape.batch, slots = shape.slots, patches = shape.patches;
  void *block = call.block;
  std::vector<void *> arguments;
  for (void *&pointer : pointers) {
    arguments.push_back(&pointer);
  }
  arguments.insert(arguments.end(), {&batch, &slots, &patches, &block});
  for (const PlannedMap &map : launch.maps) {
    int64_t rows = map.rows.at(shape, launch.from), matrices = map.matrices ? map.matrices->at(shape, launch.from) : 0;
    if (rows > 0 && (matrices > 0 || !map.matrices)) { // else there are no blocks
      int64_t offset = map.offset.at(shape, launch.from);
      arguments.push_back(encoded(map, static_cast<float *>(pointers[map.tensor]) + offset, rows, matrices));
    }
  }
  Launch asked;
  asked.kernel = device.find(launch.kernel, launch.from);
  int64_t blocks = (launch.grid.at(shape, launch.from) + launch.divisor - 1) / launch.divisor;
  if (blocks > std::numeric_limits<int32_t>::max()) {
    throw Error(Exit::Resource, launch.from + ": kernel '" + launch.kernel + "' needs " + std::to_string(blocks) +
                                    " blocks, at most 2147483647 can be launched; use a smaller batch");
  }
  asked.grid[0] = uint32_t(blocks);
  asked.grid[1] = uint32_t(launch.y);
  asked.threads = uint32_t(launch.threads);
  asked.sharedBytes = uint32_t(launch.sharedBytes);
  asked.arguments = arguments.data();
  if (blocks > 0 && times) {
    addTime(launch.kernel, secondsOf([&] { device.launch(asked); }));
  } else if (blocks > 0) {
    device.launch(asked);
  }
}

double Launcher::secondsOf(const std::function<void()> &work) {
  device.wait();
  auto begin = std::chrono::steady_clock::now();
  work();
  device.wait();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void Launcher::addTime(const std::string &kernel, double seconds) {
  KernelTime &time = (*times)[kernel];
  ++time.calls;
  time.seconds += seconds;
  time.busySeconds += seconds;
}

void Launcher::startProfile(const Plan &plan) {
  times.emplace();
  for (const auto &[name, entry] : plan.entries) {
    for (const PlannedLaunch &launch : entry.launches) {
      (*times)[launch.kernel].memoryBytes = -device.touchedBytes(launch.kernel);
    }
  }
}

std::vector<KernelTime> Launcher::profile() const {
  std::vector<KernelTime> list;
  for (const auto &[name, time] : times.value_or(std::map<std::string, KernelTime>())) {
    if (time.calls > 0) {
      list.push_back(time);
      list.back().name = name;
      list.back().memoryBytes += device.touchedBytes(name);
    }
  }
  std::sort(list.begin(), list.end(), [](const KernelTime &x, const KernelTime &y) { return x.seconds > y.seconds; });
  return list;
}

} // namespace mblm::rt::gpu
