// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// POSIX files with every return value looked at.
#include "runtime/Support/File.h"

#include "runtime/Support/Error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace mblm::rt {

namespace fs = std::filesystem;

std::string systemError(const std::string &what, const std::string &path) {
  return "cannot " + what + " '" + path + "': " + std::strerror(errno);
}

InputFile::InputFile(const std::string &path) : name(path) {
  // O_NONBLOCK: opening a pipe without a writer must not hang before fstat can refuse it.
  descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    throw Error(Exit::FileIO, systemError("open", path));
  }
  struct stat status;
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor);
    throw Error(Exit::FileIO, "cannot read '" + path + "': not a regular file");
  }
  bytes = status.st_size;
}

InputFile::~InputFile() { close(descriptor); }

void InputFile::read(int64_t offset, void *out, int64_t count) const {
  if (offset < 0 || count < 0 || count > bytes - offset) {
    throw Error(Exit::FileIO, "cannot read '" + name + "': " + std::to_string(count) + " bytes at " +
                                  std::to_string(offset) + " lie beyond its " + std::to_string(bytes) + " bytes");
  }
  char *to = static_cast<char *>(out);
  while (count > 0) {
    ssize_t got = pread(descriptor, to, count, offset);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      throw Error(Exit::FileIO, systemError("read", name));
    }
    if (got == 0) {
      throw Error(Exit::FileIO, "cannot read '" + name + "': it became shorter than " + std::to_string(bytes) +
                                    " bytes while it was read");
    }
    to += got;
    offset += got;
    count -= got;
  }
}

std::string readTextFile(const std::string &path, int64_t limit) {
  InputFile file(path);
  if (file.size() > limit) {
    throw Error(Exit::BadInput, "'" + path + "' has " + std::to_string(file.size()) + " bytes, at most " +
                                    std::to_string(limit) + " are read");
  }
  std::string text(file.size(), '\0');
  file.read(0, text.data(), file.size());
  return text;
}

OutputFile::OutputFile(const std::string &path) {
  std::error_code error;
  fs::path resolved = fs::weakly_canonical(path, error); // through a symlink: the link stays
  target = error ? path : resolved.string();
  fs::file_status status = fs::status(target, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    descriptor = open(target.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    temporary = target + ".XXXXXX";
    descriptor = mkostemp(temporary.data(), O_CLOEXEC);
    if (descriptor >= 0) {
      mode_t mask = umask(0); // mkostemp makes private files; ask for what open() would have given
      umask(mask);
      fchmod(descriptor, 0666 & ~mask);
    }
  }
  if (descriptor < 0) {
    throw Error(Exit::FileIO, systemError("write", path));
  }
}

OutputFile::~OutputFile() {
  if (descriptor >= 0) {
    close(descriptor);
    if (!temporary.empty()) {
      unlink(temporary.c_str());
    }
  }
}

void OutputFile::write(const void *data, int64_t count) {
  auto *from = static_cast<const char *>(data);
  while (count > 0) {
    ssize_t done = ::write(descriptor, from, count);
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done < 0) {
      throw Error(Exit::FileIO, systemError("write", target));
    }
    from += done;
    count -= done;
  }
}

void OutputFile::commit() {
  if (!temporary.empty()) {
    if (fsync(descriptor) != 0 || rename(temporary.c_str(), target.c_str()) != 0) {
      throw Error(Exit::FileIO, systemError("write", target));
    }
    temporary.clear();
    syncFolder(fs::path(target).parent_path().string());
  }
  int closing = descriptor;
  descriptor = -1;
  if (close(closing) != 0) {
    throw Error(Exit::FileIO, systemError("write", target));
  }
}

void writeTextFile(const std::string &path, const std::string &text) {
  OutputFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

void makeFolder(const std::string &path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path, error)) {
    throw Error(Exit::FileIO, "cannot make folder '" + path +
                                  "': " + (error ? error.message() : std::string("a file of that name is in the way")));
  }
}

void syncFolder(const std::string &path) {
  int folder = open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Some file systems cannot sync folders (EINVAL): their renames are as durable as they get.
  bool failed = folder < 0 || (fsync(folder) != 0 && errno != EINVAL);
  if (failed) {
    std::string line = systemError("sync folder", path);
    if (folder >= 0) {
      close(folder);
    }
    throw Error(Exit::FileIO, line);
  }
  close(folder);
}

} // namespace mblm::rt
