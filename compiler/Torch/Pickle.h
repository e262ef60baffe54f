// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pickles of weights. A pickle is a program for a stack machine that may call anything; this machine knows containers,
// numbers, text and the few names by which PyTorch spells tensors, and refuses all else: nothing from the file is ever
// looked up or executed.
#pragma once

#include "runtime/Safetensors.h"

#include <deque>
#include <string>
#include <vector>

namespace mblm::torch {

struct Value {
  enum class Kind { None, Boolean, Integer, Real, Text, Tuple, List, Dict, Global, Storage, Tensor };
  Kind kind = Kind::None;
  int64_t integer = 0; // Boolean too
  double real = 0;
  std::string text;                 // Text; a Global's name; a Storage's key
  std::vector<const Value *> items; // of Tuple and List; of Dict: key, value, key, value ...
  // Storage and Tensor.
  rt::DType dtype = rt::DType::F32;
  int64_t elements = 0; // of the storage
  // Tensor: what it reads of its storage, in elements.
  const Value *storage = nullptr;
  int64_t offset = 0;
  std::vector<int64_t> shape, strides;
};

// A pickle's value and all that hangs on it.
class Pickle {
public:
  // `file` is named in errors: Error(Integrity) for what is no whole pickle, Error(BadInput) for what is none of
  // weights.
  Pickle(const std::string &bytes, const std::string &file);
  const Value &root() const { return *top; }

private:
  std::deque<Value> values; // never move, may point at each other in circles
  const Value *top = nullptr;
};

} // namespace mblm::torch
