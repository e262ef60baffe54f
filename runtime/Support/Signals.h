// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets a loop finish what it is at when the user or the system asks it to stop.
#pragma once

#include <csignal>

namespace mblm::rt {

// While it lives, the first SIGINT or SIGTERM is only noted; a second one ends the process as usual.
class StopSignals {
public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals &) = delete;
  StopSignals &operator=(const StopSignals &) = delete;
  int received() const; // the signal, or 0

private:
  struct sigaction oldInterrupt;
  struct sigaction oldTerminate;
};

} // namespace mblm::rt
