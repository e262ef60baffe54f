// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of the entries, as artifacts and the command line spell them.
#include "runtime/Program.h"

namespace mblm::rt {

const char *entryName(Entry entry) {
  switch (entry) {
  case Entry::Forward:
    return "forward";
  case Entry::Hidden:
    return "hidden";
  case Entry::Empty:
    return "empty";
  case Entry::Loss:
    return "loss";
  case Entry::Gradients:
    return "gradients";
  case Entry::TrainStep:
    return "train_step";
  }
  return "unknown";
}

} // namespace mblm::rt
