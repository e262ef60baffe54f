// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the importers share. Each turns a parsed configuration into a Spec and a table of where its values were found,
// so that a refusal names the reference's own keys.
#pragma once

#include "compiler/Spec/Import.h"
#include "compiler/Spec/Objects.h"

#include <map>

namespace mblm::spec {

struct Imported {
  Spec spec;
  std::map<std::string, std::string> pointers; // of the spec -> of the configuration
  std::vector<std::string> notes;              // what the configuration alone does not say
};

// `weights` may be null.
Imported importMblm(const Source &source, const TensorShapes *weights);
Imported importMegabyte(const Source &source, const TensorShapes *weights);
Imported importMamba(const Source &source, const TensorShapes *weights);
Imported importPerceiver(const Source &source, const TensorShapes *weights);
Imported importTransformer(const Source &source, const TensorShapes *weights);
Imported importBlt(const Source &source, const TensorShapes *weights);
Imported importBltEntropy(const Source &source, const TensorShapes *weights);

// A required list of sizes, one for each stage.
template <typename T>
Field<T> sizesField(std::string key, std::string doc) {
  Field<T> field = required(other<T>(std::move(key), Facts::Kind::List, 1, double(maxStages), std::move(doc)));
  field.element = "integer";
  return field;
}

// The integers of list `key`, each from 1 to `max`.
std::vector<int64_t> takeSizes(const Source &source, const std::string &key, int64_t max);

// Refuses lists of different lengths.
void checkSameCount(const Source &source, const std::string &key, size_t count, const std::string &firstKey,
                    size_t firstCount);

} // namespace mblm::spec
