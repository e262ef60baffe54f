// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every chunk of a region is timed on its own thread as well, by the thread's CPU clock: a kernel whose threads wait
// for each other shows, and so does a machine that is shared.
#include "runtime/Profile.h"

#include <algorithm>
#include <chrono>
#include <ctime>

namespace mblm::rt {

using Clock = std::chrono::steady_clock;

namespace {
struct TimedRegion {
  MblmKernel kernel;
  void *args;
  std::atomic<int64_t> busy{0}; // nanoseconds, all threads together
};
} // namespace

static int64_t threadNanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

static void runTimed(void *args, int64_t begin, int64_t end, float *scratch) {
  auto *region = static_cast<TimedRegion *>(args);
  int64_t start = threadNanoseconds();
  region->kernel(region->args, begin, end, scratch);
  region->busy.fetch_add(threadNanoseconds() - start, std::memory_order_relaxed);
}

void Profile::begin(const std::vector<Launches> &launches, int64_t howMany) {
  expected = &launches;
  pieces = howMany;
  group = position = 0;
  piece = 0;
}

std::string Profile::nextName() {
  if (group == expected->size()) {
    return "unlisted"; // metadata may be of an artifact that lists no kernels
  }
  const Launches &part = (*expected)[group];
  const std::string name = part.names[position];
  if (++position == part.names.size()) {
    position = 0;
    if (++piece == (part.perPiece ? pieces : 1)) {
      piece = 0;
      ++group;
    }
  }
  return name;
}

void Profile::run(MblmKernel kernel, void *args, int64_t items) {
  TimedRegion region{kernel, args};
  Clock::time_point start = Clock::now();
  pool.run(runTimed, &region, items);
  double wall = std::chrono::duration<double>(Clock::now() - start).count();

  const std::string name = nextName();
  auto found =
      std::find_if(kernels.begin(), kernels.end(), [&](const KernelTime &known) { return known.name == name; });
  if (found == kernels.end()) {
    found = kernels.insert(kernels.end(), KernelTime{name});
  }
  found->calls += 1;
  found->seconds += wall;
  found->busySeconds += 1e-9 * double(region.busy.load(std::memory_order_relaxed));
}

std::vector<KernelTime> Profile::times() const {
  std::vector<KernelTime> sorted = kernels;
  std::sort(sorted.begin(), sorted.end(),
            [](const KernelTime &a, const KernelTime &b) { return a.seconds > b.seconds; });
  return sorted;
}

} // namespace mblm::rt
