// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Support/Library.h"

#include <dlfcn.h>

namespace mblm::rt {

// Never unloaded: drivers have threads that would go on running in it.
Library::Library(const std::string &path) : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) {
  if (!handle) {
    why = dlerror();
  }
}

Library::~Library() {
  if (handle) {
    dlclose(handle);
  }
}

void *Library::find(const char *symbol) const { return handle ? dlsym(handle, symbol) : nullptr; }

} // namespace mblm::rt
