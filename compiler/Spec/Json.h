// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// JSON with positions: a tree whose values and keys know where they stand in the text, so that every refusal can name
// its line and column. The parser is nlohmann::json's; the tree is built from its SAX events. Duplicate keys are
// refused, and size, depth and number of values are bounded before memory is spent on them.
#pragma once

#include "runtime/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mblm::spec {

struct Node {
  enum class Kind { Null, Boolean, Integer, Real, String, Array, Object };
  struct Member;

  Kind kind = Kind::Null;
  size_t offset = 0; // of the value's first byte
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;  // Integer too
  std::string text; // a string's characters, a number as written
  std::vector<Node> items;
  std::vector<Member> members;

  const Member *find(const std::string &key) const;
};

struct Node::Member {
  std::string key;
  size_t offset = 0; // of the key
  Node value;
};

// A parsed text together with what error lines need of it.
class Source {
public:
  static constexpr size_t maxBytes = size_t(16) << 20;
  static constexpr size_t maxDepth = 64;
  static constexpr size_t maxValues = size_t(1) << 18;

  static Source fromFile(const std::string &path);
  static Source fromText(std::string text, std::string fileName);

  const Node &root() const { return tree; }
  const std::string &text() const { return content; }

  // Throws "FILE:LINE:COLUMN: POINTER: MESSAGE".
  [[noreturn]] void fail(size_t offset, const std::string &pointer, const std::string &message,
                         Exit code = Exit::BadInput) const;
  // "LINE:COLUMN", columns counted in characters from 1.
  std::string position(size_t offset) const;
  struct Position {
    size_t line, column;
  };
  Position lineAndColumn(size_t offset) const;
  // The deepest value on the way along `pointer` that exists: a missing key is reported at its object.
  const Node &nearest(const std::string &pointer) const;

private:
  std::string content;
  std::string file;
  Node tree;
};

// The tree of a source's text; refuses what is no JSON, duplicate keys, and what passes the limits.
Node parseTree(const Source &source);
// Where the text begins: behind a byte order mark, if it has one.
size_t afterMark(const std::string &text);

// `text` in double quotes, on one line and not too long, whatever it holds.
std::string inQuotes(const std::string &text);
// `key` as one step of a JSON pointer, e.g. "/a~1b".
std::string pointerStep(const std::string &key);
// A value in the words of an error line: `"abc"`, `-3`, `an object`.
std::string describe(const Node &node);

} // namespace mblm::spec
