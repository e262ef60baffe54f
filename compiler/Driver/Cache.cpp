// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files get their names by renaming, so that two processes that make the same entry do not meet.
#include "compiler/Driver/Cache.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Hash.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <list>

using namespace mblm;
using namespace mblm::driver;

static constexpr llvm::StringLiteral mark = "mblm-hash:";
static constexpr size_t trailerBytes = 10 + 16;

static std::string hashText(llvm::StringRef bytes) { return rt::hexText(rt::hash64(bytes.data(), bytes.size())); }

static bool isWhole(const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file || (*file)->getBufferSize() < trailerBytes) {
    return false;
  }
  llvm::StringRef bytes = (*file)->getBuffer(), trailer = bytes.take_back(trailerBytes);
  return trailer.consume_front(mark) && trailer == hashText(bytes.drop_back(trailerBytes));
}

std::string driver::userCacheFolder() {
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache == '/') {
    return std::string(cache) + "/mblm";
  }
  if (const char *home = std::getenv("HOME"); home && *home) {
    return std::string(home) + "/.cache/mblm";
  }
  return "";
}

Cache::Cache(const std::string &chosen, std::function<void(const std::string &)> note) : note(std::move(note)) {
  if (chosen == "off") {
    return;
  }
  folder = chosen.empty() ? userCacheFolder() : chosen;
  std::error_code error = folder.empty() ? std::make_error_code(std::errc::no_such_file_or_directory)
                                         : llvm::sys::fs::create_directories(folder);
  if (!error) {
    error = llvm::sys::fs::access(folder, llvm::sys::fs::AccessMode::Write);
  }
  if (error) {
    this->note("note: the compile cache '" + folder + "' cannot be used (" + error.message() +
               "); compiling without it");
    folder.clear();
  }
}

std::optional<std::string> Cache::find(const std::string &key) const {
  if (folder.empty() || !llvm::sys::fs::exists(path(key))) {
    return std::nullopt;
  }
  if (!isWhole(path(key))) {
    note("note: the cache entry '" + path(key) + "' is damaged; compiling again");
    return std::nullopt;
  }
  return path(key);
}

std::string Cache::store(const std::string &key, const std::function<void(const std::string &)> &make) {
  llvm::SmallString<128> temporary;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("mblm", "so", temporary)) {
    throw Error(Exit::FileIO, "cannot make a temporary file: " + error.message());
  }
  std::string made = temporary.str().str();
  llvm::sys::RemoveFileOnSignal(made);
  static std::list<llvm::FileRemover> removers;
  removers.emplace_back(made);
  make(made);
  if (folder.empty()) {
    return made;
  }
  try {
    auto file = llvm::MemoryBuffer::getFile(made, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!file) {
      throw Error(Exit::FileIO, "cannot read '" + made + "': " + file.getError().message());
    }
    llvm::StringRef bytes = (*file)->getBuffer();
    std::string trailer = mark.str() + hashText(bytes);
    rt::OutputFile out(path(key));
    out.write(bytes.data(), int64_t(bytes.size()));
    out.write(trailer.data(), int64_t(trailer.size()));
    out.commit();
    return path(key);
  } catch (const Error &error) {
    note(std::string("note: the compile cache was not written: ") + error.what());
    return made;
  }
}

std::string driver::cacheKey(const std::string &parts) {
  static int marker;
  static const std::string self = rt::hexText(rt::hashFile(llvm::sys::fs::getMainExecutable(nullptr, &marker)));
  llvm::BLAKE3 hasher;
  for (llvm::StringRef part : {llvm::StringRef(self), llvm::StringRef(LLVM_VERSION_STRING), llvm::StringRef(parts)}) {
    uint64_t size = part.size();
    hasher.update(llvm::StringRef(reinterpret_cast<const char *>(&size), sizeof size));
    hasher.update(part);
  }
  return llvm::toHex(hasher.final<16>(), /*LowerCase=*/true);
}
