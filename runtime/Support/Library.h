// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A shared library that may be absent.
#pragma once

#include <string>

namespace mblm::rt {

class Library {
public:
  explicit Library(const std::string &path);
  ~Library();
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;

  explicit operator bool() const { return handle; }
  const std::string &problem() const { return why; } // where it could not be opened
  void *find(const char *symbol) const;              // null for what is not there

private:
  void *handle = nullptr;
  std::string why;
};

} // namespace mblm::rt
