// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything here runs when something is broken already, so it asks for little.
#include "compiler/Pipelines/Reproducer.h"

#include "runtime/Support/Error.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <new>
#include <unistd.h>

using namespace mlir;
using namespace mblm;

static constexpr const char *before = "; reproducer: ";

std::string pipelines::filePosition(Location location) {
  auto place = location->findInstanceOf<FileLineColLoc>();
  return place ? place.getFilename().str() + ":" + std::to_string(place.getLine()) + ":" +
                     std::to_string(place.getColumn())
               : "";
}

std::string pipelines::placeText(Location location) {
  std::string text = filePosition(location);
  if (auto name = location->findInstanceOf<NameLoc>()) {
    text += (text.empty() ? "" : ": ") + name.getName().str();
  }
  return text.empty() ? "unknown place" : text;
}

std::string pipelines::newReproducer() {
  llvm::SmallString<128> path;
  if (llvm::sys::fs::createUniqueFile("mblm-reproducer-%%%%%%.mlir", path)) {
    llvm::sys::fs::createTemporaryFile("mblm-reproducer", "mlir", path);
  }
  return path.str().str();
}

// The message on one line, with the file behind it.
static std::string lineWith(ModuleOp module, StringRef message) {
  std::string line = message.str();
  llvm::replace(line, '\n', ' ');
  std::string path = pipelines::newReproducer();
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  if (code) {
    return line;
  }
  module->print(stream, OpPrintingFlags().enableDebugInfo(true, /*prettyForm=*/false));
  return line + before + path;
}

static void endFatally(void *module, const char *reason, bool) {
  std::string message = std::string("mblm: internal error in code generation: ") + reason;
  llvm::errs() << lineWith(ModuleOp::getFromOpaquePointer(module), message) << "\n";
  llvm::errs().flush();
  _exit(int(Exit::Internal)); // LLVM's state is undefined: no destructor may run
}

void pipelines::withReproducer(ModuleOp module, llvm::function_ref<void()> work) {
  llvm::ScopedFatalErrorHandler handler(endFatally, const_cast<void *>(module.getAsOpaquePointer()));
  try {
    work();
  } catch (const Error &error) {
    if (error.code != Exit::Internal || StringRef(error.what()).contains(before)) {
      throw;
    }
    throw Error(Exit::Internal, lineWith(module, error.what()));
  } catch (const std::bad_alloc &) {
    throw;
  } catch (const std::exception &error) {
    throw Error(Exit::Internal, lineWith(module, std::string("internal error in compilation: ") + error.what()));
  }
}
