// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one table of what a spec may say: every key with its type, range, default and one line of documentation, and with
// the member of Spec, Stage, Layer, Patches or Ngrams that it fills. The reader, the writer, the JSON Schema and the documentation are
// all made from it. Defaults are not repeated here: they are what a default-constructed target holds.
#pragma once

#include "compiler/Spec/Spec.h"

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mblm::spec {

// What a field holds; a Choice is the index of its word, Words are such indices, nothing is an optional that is absent.
using Value = std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<int64_t>>;

// What is known of a field without knowing what it belongs to.
struct Facts {
  enum class Kind { Boolean, Integer, Number, Choice, Text, Integers, Words, List, Object, Any };

  std::string key;
  Kind kind = Kind::Boolean;
  bool required = false;
  bool nullable = false;
  double min = 0; // Integer, Number, and the number of entries of a list or characters of a Text
  double max = 0;
  double itemMin = 0; // Integers: each of them
  double itemMax = 0;
  bool belowMax = false;            // max itself is too much
  std::vector<std::string> choices; // in the order of the enumeration
  std::string doc;
  std::string element;    // List: what an entry is; Object: its name; Any: the words of expected()
  std::string whenAbsent; // words in place of the default, where it depends on other fields
  bool written = true;    // part of the canonical form
  bool omitted = false;   // from it where it is the default
  std::vector<Block> blocks; // layers: the kinds of block that have it; empty: all

  // "an integer from 1 to 8", the words of every message about the field.
  std::string expected() const;
};

template <typename T>
struct Field : Facts {
  std::function<Value(const T &)> get;
  std::function<void(T &, const Value &)> set;
};

// An entry of "layers".
struct LayerEntry : Layer {
  using Layer::Layer;
  int64_t repeat = 1;
};

constexpr int64_t formatVersion = 1;
constexpr int64_t maxStages = 8;
constexpr int64_t maxLayers = 4096; // of one stage, repeats counted
constexpr int64_t maxSize = 2147483647;
constexpr int64_t maxHeads = 65536;
constexpr int64_t maxFfMult = 1024;
constexpr int64_t maxHashFunctions = 11;
constexpr int64_t maxGram = 64; // ids of an n-gram
constexpr int64_t maxTables = 64;
constexpr int64_t maxGrams = 1 << 18; // of one table
constexpr double minEps = 1e-30; // still a normal f32
constexpr double maxStep = 1e6;

const std::vector<Field<Spec>> &topFields();
const std::vector<Field<Stage>> &stageFields();
const std::vector<Field<LayerEntry>> &layerFields(Block block);
const std::vector<Field<Patches>> &patchesFields();
const std::vector<Field<Ngrams>> &ngramsFields();
const std::vector<Field<Ngrams::Table>> &tableFields();
Facts gramFacts(); // an entry of "grams"
const char *blockName(Block block); // as "block" spells it

double defaultEps(Norm norm);

// Makers of fields, for the tables here and for those of the importers.
template <typename T>
Field<T> flag(std::string key, bool T::*member, std::string doc) {
  Field<T> field;
  field.key = std::move(key);
  field.kind = Facts::Kind::Boolean;
  field.doc = std::move(doc);
  field.get = [member](const T &from) { return Value(from.*member); };
  field.set = [member](T &into, const Value &value) { into.*member = std::get<bool>(value); };
  return field;
}

template <typename T>
Field<T> integer(std::string key, int64_t T::*member, int64_t min, int64_t max, std::string doc) {
  Field<T> field;
  field.key = std::move(key);
  field.kind = Facts::Kind::Integer;
  field.min = double(min);
  field.max = double(max);
  field.doc = std::move(doc);
  field.get = [member](const T &from) { return Value(from.*member); };
  field.set = [member](T &into, const Value &value) { into.*member = std::get<int64_t>(value); };
  return field;
}

template <typename T>
Field<T> number(std::string key, double T::*member, double min, double max, std::string doc) {
  Field<T> field;
  field.key = std::move(key);
  field.kind = Facts::Kind::Number;
  field.min = min;
  field.max = max;
  field.doc = std::move(doc);
  field.get = [member](const T &from) { return Value(from.*member); };
  field.set = [member](T &into, const Value &value) { into.*member = std::get<double>(value); };
  return field;
}

template <typename T, typename E>
Field<T> choice(std::string key, E T::*member, std::vector<std::string> words, std::string doc) {
  Field<T> field;
  field.key = std::move(key);
  field.kind = Facts::Kind::Choice;
  field.choices = std::move(words);
  field.doc = std::move(doc);
  field.get = [member](const T &from) { return Value(int64_t(from.*member)); };
  field.set = [member](T &into, const Value &value) { into.*member = E(std::get<int64_t>(value)); };
  return field;
}

template <typename T>
Field<T> optionalInteger(std::string key, std::optional<int64_t> T::*member, int64_t min, int64_t max,
                         std::string whenAbsent, std::string doc) {
  Field<T> field;
  field.key = std::move(key);
  field.kind = Facts::Kind::Integer;
  field.nullable = true;
  field.min = double(min);
  field.max = double(max);
  field.whenAbsent = std::move(whenAbsent);
  field.doc = std::move(doc);
  field.get = [member](const T &from) { return from.*member ? Value(*(from.*member)) : Value(); };
  field.set = [member](T &into, const Value &value) {
    const int64_t *given = std::get_if<int64_t>(&value);
    into.*member = given != nullptr ? std::optional<int64_t>(*given) : std::nullopt;
  };
  return field;
}

template <typename T>
Field<T> optionalNumber(std::string key, std::optional<double> T::*member, double min, double max, std::string doc) {
  Field<T> field;
  field.key = std::move(key);
  field.kind = Facts::Kind::Number;
  field.nullable = true;
  field.min = min;
  field.max = max;
  field.whenAbsent = "null";
  field.doc = std::move(doc);
  field.get = [member](const T &from) { return from.*member ? Value(*(from.*member)) : Value(); };
  field.set = [member](T &into, const Value &value) {
    const double *given = std::get_if<double>(&value);
    into.*member = given != nullptr ? std::optional<double>(*given) : std::nullopt;
  };
  return field;
}

// A field whose value the reader takes up itself (lists, objects), or that it checks and drops.
template <typename T>
Field<T> other(std::string key, Facts::Kind kind, double min, double max, std::string doc) {
  Field<T> field;
  field.key = std::move(key);
  field.kind = kind;
  field.min = min;
  field.max = max;
  field.doc = std::move(doc);
  field.get = [](const T &) { return Value(); };
  field.set = [](T &, const Value &) {};
  return field;
}

template <typename T>
Field<T> required(Field<T> field) {
  field.required = true;
  return field;
}

} // namespace mblm::spec
