// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The handler only stores the signal's number.
#include "runtime/Support/Signals.h"

namespace mblm::rt {

static volatile std::sig_atomic_t lastSignal = 0;

static void note(int signal) { lastSignal = signal; }

StopSignals::StopSignals() {
  lastSignal = 0;
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART | int(SA_RESETHAND);
  sigaction(SIGINT, &action, &oldInterrupt);
  sigaction(SIGTERM, &action, &oldTerminate);
  // A parent that told this process to ignore a signal (nohup, background jobs of a plain shell) keeps its will.
  if (oldInterrupt.sa_handler == SIG_IGN) {
    sigaction(SIGINT, &oldInterrupt, nullptr);
  }
}

StopSignals::~StopSignals() {
  sigaction(SIGINT, &oldInterrupt, nullptr);
  sigaction(SIGTERM, &oldTerminate, nullptr);
}

int StopSignals::received() const { return lastSignal; }

} // namespace mblm::rt
