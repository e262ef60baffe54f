// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Raw bytes to train and evaluate on: one file, or all regular files under a folder, one after another in the order of
// their paths. Sizes are pinned when the data is opened; bytes are read as they are needed.
#pragma once

#include "runtime/Program.h"
#include "runtime/Support/File.h"

namespace mblm::rt {

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

class Data {
public:
  // Throws Error(FileIO) for what cannot be read, Error(BadInput) when there is no byte at all.
  explicit Data(const std::string &path);
  int64_t size() const { return total; }
  Range all() const { return {0, total}; }
  void read(int64_t offset, void *out, int64_t count) const;
  // As ids, without marks; Error(BadInput) naming file, position and value for a byte outside the vocabulary.
  void readIds(int64_t offset, int32_t *out, int64_t count, const ModelInfo &info) const;
  std::string place(int64_t offset) const; // "FILE, byte N"

private:
  struct Piece {
    std::string path;
    int64_t start = 0; // in the whole
    int64_t bytes = 0;
  };
  void addFile(const std::string &path);
  size_t pieceAt(int64_t offset) const;

  std::vector<Piece> pieces;
  int64_t total = 0;
  mutable std::unique_ptr<InputFile> open; // the piece read last: a folder may hold more files than may be open
  mutable size_t openPiece = 0;
};

// The last `fraction` is held out from training.
struct Split {
  Range train;
  Range heldOut;
};
Split splitData(const Data &data, double fraction);

// Which window: the same numbers give the same bytes, whatever was drawn before.
struct WindowKey {
  uint64_t seed = 0;
  int64_t step = 0;
  uint32_t micro = 0;
  uint32_t row = 0;
};

// Marks before the bytes of a window.
int64_t marksOf(const ModelInfo &info);

// Writes the ids and mask values of a random window of `length` bytes in `range`, marks before them. Data shorter than a window is padded when the
// model has a pad id, and Error(BadInput) otherwise.
void drawWindow(const Data &data, Range range, const ModelInfo &info, const WindowKey &key, int64_t length,
                int32_t *ids, float *mask);

} // namespace mblm::rt
