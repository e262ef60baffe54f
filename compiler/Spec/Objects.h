// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// JSON objects to C++ objects by a table of fields: what the reader of specs and the importers share.
#pragma once

#include "compiler/Spec/Fields.h"
#include "compiler/Spec/Json.h"

#include <algorithm>

namespace mblm::spec {

// The candidate that is nearest to `word` by edit distance, or empty where none is near.
std::string nearestWord(const std::string &word, const std::vector<std::string> &candidates);

// "1 entry", "2 entries".
std::string entries(size_t count);

// A place that fields belong to: its keys, in the words "a stage".
struct Place {
  std::string what;
  std::vector<std::string> keys;
};

template <typename T>
Place placeOf(std::string what, const std::vector<Field<T>> &fields) {
  Place place{std::move(what), {}};
  for (const Field<T> &field : fields) {
    place.keys.push_back(field.key);
  }
  return place;
}

// Refuses anything but an object.
void checkObject(const Source &source, const Node &node, const std::string &pointer, const std::string &what);

// Refuses anything but an object whose keys all belong here. `elsewhere` tells where else a misplaced key would be
// right.
void checkKeys(const Source &source, const Node &node, const std::string &pointer, const Place &here,
               const std::vector<Place> &elsewhere = {});

// The value of a scalar field, or of nothing for a list, whose kind and size are checked alone.
Value takeValue(const Source &source, const Node &node, const std::string &pointer, const Facts &facts);

[[noreturn]] void failMissing(const Source &source, const Node &object, const std::string &pointer, const Facts &facts);

// Fills `into` from an object whose keys are checked.
template <typename T>
void takeFields(const Source &source, const Node &node, const std::string &pointer, const std::vector<Field<T>> &fields,
                T &into) {
  for (const Field<T> &field : fields) {
    if (const Node::Member *member = node.find(field.key)) {
      field.set(into, takeValue(source, member->value, pointer + pointerStep(field.key), field));
    } else if (field.required) {
      failMissing(source, node, pointer, field);
    }
  }
}

} // namespace mblm::spec
