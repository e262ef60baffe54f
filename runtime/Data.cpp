// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plain positioned reads instead of mappings: a file that shrinks meanwhile gives an error, not a signal.
#include "runtime/Data.h"

#include "runtime/Support/Error.h"
#include "runtime/Tokenizer.h"
#include "runtime/Support/Random.h"

#include <algorithm>
#include <filesystem>

namespace mblm::rt {

namespace fs = std::filesystem;

Data::Data(const std::string &path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    std::vector<std::string> files;
    fs::recursive_directory_iterator it(path, error);
    for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      std::error_code unreadable; // a dangling link is no regular file
      if (it->is_regular_file(unreadable)) {
        files.push_back(it->path().string());
      }
    }
    if (error) {
      throw Error(Exit::FileIO, "cannot list folder '" + path + "': " + error.message());
    }
    std::sort(files.begin(), files.end());
    for (const std::string &file : files) {
      addFile(file);
    }
  } else {
    addFile(path);
  }
  if (total == 0) {
    throw Error(Exit::BadInput, "data '" + path + "' is empty: expected at least one byte");
  }
}

void Data::addFile(const std::string &path) {
  InputFile file(path);
  if (file.size() > 0) {
    pieces.push_back({path, total, file.size()});
    total += file.size();
  }
}

size_t Data::pieceAt(int64_t offset) const {
  auto after = std::upper_bound(pieces.begin(), pieces.end(), offset,
                                [](int64_t at, const Piece &piece) { return at < piece.start; });
  return after - pieces.begin() - 1;
}

void Data::read(int64_t offset, void *out, int64_t count) const {
  if (offset < 0 || count < 0 || count > total - offset) {
    throw Error(Exit::Internal, "data read of " + std::to_string(count) + " bytes at " + std::to_string(offset) +
                                    " beyond " + std::to_string(total));
  }
  auto *to = static_cast<char *>(out);
  for (size_t i = pieceAt(offset); count > 0; ++i) {
    const Piece &piece = pieces[i];
    if (!open || openPiece != i) {
      open = std::make_unique<InputFile>(piece.path);
      openPiece = i;
    }
    int64_t n = std::min(count, piece.start + piece.bytes - offset);
    open->read(offset - piece.start, to, n);
    to += n;
    offset += n;
    count -= n;
  }
}

std::string Data::place(int64_t offset) const {
  const Piece &piece = pieces[pieceAt(offset)];
  return "'" + piece.path + "', byte " + std::to_string(offset - piece.start);
}

void Data::readIds(int64_t offset, int32_t *out, int64_t count, const ModelInfo &info) const {
  // Reads into the front quarter of the very buffer, then widens from the back.
  auto *bytes = reinterpret_cast<unsigned char *>(out);
  read(offset, bytes, count);
  for (int64_t i = 0; i < count; ++i) {
    if (bytes[i] + info.firstByte >= info.vocab) {
      throw Error(Exit::BadInput, place(offset + i) + ": value " + std::to_string(bytes[i]) +
                                      " is outside the model's vocabulary of " + std::to_string(info.vocab) +
                                      " ids (0 to " + std::to_string(info.vocab - 1) + ")");
    }
  }
  for (int64_t i = count - 1; i >= 0; --i) {
    out[i] = bytes[i] + info.firstByte;
  }
}

Split splitData(const Data &data, double fraction) {
  int64_t held = int64_t(double(data.size()) * fraction);
  int64_t border = std::max<int64_t>(1, data.size() - held); // at least one byte to train on
  return {{0, border}, {border, data.size()}};
}

int64_t marksOf(const ModelInfo &info) { return info.firstByte > 0 ? 1 : 0; }

void drawWindow(const Data &data, Range range, const ModelInfo &info, const WindowKey &key, int64_t length,
                int32_t *ids, float *mask) {
  int64_t count = std::min(length, range.size());
  if (count < length && !info.pad) {
    throw Error(Exit::BadInput, "the data has " + std::to_string(range.size()) + " bytes to train on, fewer than one " +
                                    "window of " + std::to_string(length) + ", and the model has no pad id; give a " +
                                    "shorter length or more data");
  }
  PhiloxBlock random = randomBlock(key.seed, Stream::Window, uint64_t(key.step), key.micro, key.row);
  int64_t start = range.begin + int64_t(below(random[0], random[1], uint64_t(range.size() - count + 1)));
  int64_t marks = marksOf(info);
  std::fill_n(ids, marks, beginId);
  std::fill_n(mask, marks, 1.0f);
  ids += marks;
  mask += marks;
  data.readIds(start, ids, count, info);
  std::fill_n(mask, count, 1.0f);
  std::fill(ids + count, ids + length, int32_t(info.pad.value_or(0)));
  std::fill(mask + count, mask + length, 0.0f);
}

} // namespace mblm::rt
