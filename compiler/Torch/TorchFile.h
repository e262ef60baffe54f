// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights as torch.save writes them since PyTorch 1.6: a zip file with a pickle, `data.pkl`, and a file of raw numbers
// for each storage, `data/KEY`.
#pragma once

#include "compiler/Torch/Pickle.h"

#include <memory>

struct zip;

namespace mblm::torch {

// Whether the file begins like a zip file.
bool isZipFile(const std::string &path);

class TorchFile {
public:
  // The state dict is the pickle's dictionary of tensors or the one such dictionary in it, as MBLM's checkpoints have
  // it under "MODEL". Error(Integrity) for a damaged file, Error(BadInput) for one that holds something else.
  explicit TorchFile(const std::string &path);

  // In the order of the state dict; `begin` says nothing.
  const std::vector<rt::TensorInfo> &tensors() const { return list; }
  // As f32, row-major whatever the strides.
  std::vector<float> floats(const std::string &name) const;

private:
  std::string readEntry(const std::string &name, int64_t limit) const;
  void addTensor(const std::string &name, const Value &value);

  std::string path;
  std::unique_ptr<struct zip, int (*)(struct zip *)> archive;
  std::string folder; // of the archive, with '/' behind
  std::unique_ptr<Pickle> pickle;
  std::vector<rt::TensorInfo> list;
  std::vector<const Value *> values; // of the list
};

} // namespace mblm::torch
