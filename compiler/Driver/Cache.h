// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled artifacts by what they were made from. A folder of files KEY.so, each with its own hash behind its last
// byte, so that a damaged one is found and made again. A folder that cannot be written only costs time.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace mblm::driver {

// Where compiled models are kept unless one says otherwise; empty: nowhere, for there is no home.
std::string userCacheFolder();

class Cache {
public:
  // `folder` "off": nothing is kept; empty: the user's cache folder. `note` takes a line when the folder is no use.
  Cache(const std::string &folder, std::function<void(const std::string &)> note);

  // The path of a whole artifact of that key.
  std::optional<std::string> find(const std::string &key) const;
  // Lets `make` write an artifact to the path that it is given, and returns where it is now. Without a usable folder
  // that is a temporary file, which goes when the process ends.
  std::string store(const std::string &key, const std::function<void(const std::string &)> &make);

private:
  std::string path(const std::string &key) const { return folder + "/" + key + ".so"; }

  std::string folder; // empty: off
  std::function<void(const std::string &)> note;
};

// A key of all that decides an artifact: the given parts, this program's own code, and LLVM's version.
std::string cacheKey(const std::string &parts);

} // namespace mblm::driver
