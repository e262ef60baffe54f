// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Safetensors files: a strict reader, as weights come from strangers, and a writer whose result depends on its input
// alone.
#pragma once

#include "runtime/Support/File.h"

#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace mblm::rt {

enum class DType { F64, F32, F16, BF16, I64, I32, I8, U8, Bool };
const char *dtypeName(DType type);
int64_t dtypeBytes(DType type);

struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  int64_t begin = 0; // byte offset in the file
  int64_t elements = 0;
};
std::string shapeText(const std::vector<int64_t> &shape); // "[2, 3]"

class SafetensorsFile {
public:
  // Reads and checks the header. Throws Error(Integrity) naming the file and the tensor when anything is off: lengths,
  // JSON, shapes against bytes, overlaps, holes, bytes left over.
  explicit SafetensorsFile(const std::string &path);

  const std::string &path() const { return file.path(); }
  const std::vector<TensorInfo> &tensors() const { return list; } // as they lie in the file
  const std::map<std::string, std::string> &metadata() const { return notes; }
  const TensorInfo *find(const std::string &name) const;
  const TensorInfo &get(const std::string &name) const; // Error(BadInput) when missing

  // Converts to f32; `out` takes tensor.elements floats.
  void readFloats(const TensorInfo &tensor, float *out) const;
  std::vector<float> floats(const std::string &name) const;
  // Error(BadInput) for tensors of fractions and for values that do not fit.
  std::vector<int32_t> integers(const std::string &name) const;

private:
  InputFile file;
  std::vector<TensorInfo> list;
  std::map<std::string, size_t> index;
  std::map<std::string, std::string> notes;
};

// Data to write: the caller's memory, row-major, shape's elements of `dtype`.
struct TensorView {
  std::string name;
  std::vector<int64_t> shape;
  const void *data = nullptr;
  DType dtype = DType::F32;
};

// Writes the tensors in the given order, whole or not at all.
void writeSafetensors(const std::string &path, const std::vector<TensorView> &tensors,
                      const std::map<std::string, std::string> &metadata = {});

// The same of tensors that are not all in memory at once: `data` gives those of number `index` when their turn comes, to last until
// it is asked again.
void writeSafetensors(const std::string &path, const std::vector<TensorView> &tensors,
                      const std::map<std::string, std::string> &metadata,
                      const std::function<const void *(size_t index)> &data);

} // namespace mblm::rt
