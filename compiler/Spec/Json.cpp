// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading a file within bounds, and positions and values in the words of error lines.
#include "compiler/Spec/Json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

using namespace mblm;
using namespace mblm::spec;

const Node::Member *Node::find(const std::string &key) const {
  for (const Member &member : members) {
    if (member.key == key) {
      return &member;
    }
  }
  return nullptr;
}

std::string mblm::spec::inQuotes(const std::string &text) {
  constexpr size_t longest = 60;
  std::string shown = text.substr(0, longest);
  // Never end inside a character.
  while (shown.size() < text.size() && !shown.empty() && (text[shown.size()] & 0xC0) == 0x80) {
    shown.pop_back();
  }
  std::string line = nlohmann::json(shown).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (shown.size() < text.size()) {
    line.insert(line.size() - 1, "...");
  }
  return line;
}

std::string mblm::spec::pointerStep(const std::string &key) {
  std::string line = inQuotes(key);
  std::string step = "/";
  for (char c : line.substr(1, line.size() - 2)) {
    step += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return step;
}

std::string mblm::spec::describe(const Node &node) {
  switch (node.kind) {
  case Node::Kind::Null:
    return "null";
  case Node::Kind::Boolean:
    return node.boolean ? "true" : "false";
  case Node::Kind::Integer:
  case Node::Kind::Real:
    return node.text.size() <= 40 ? node.text : node.text.substr(0, 40) + "...";
  case Node::Kind::String:
    return inQuotes(node.text);
  case Node::Kind::Array:
    return "an array";
  case Node::Kind::Object:
    return "an object";
  }
  return "";
}

size_t mblm::spec::afterMark(const std::string &text) { return text.compare(0, 3, "\xEF\xBB\xBF") == 0 ? 3 : 0; }

Source Source::fromText(std::string text, std::string fileName) {
  Source source;
  source.content = std::move(text);
  source.file = std::move(fileName);
  if (source.content.size() > maxBytes) {
    source.fail(0, "", "the file is larger than 16 MiB; a model description is a few KiB", Exit::Resource);
  }
  source.tree = parseTree(source);
  return source;
}

Source Source::fromFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text;
  if (stream) {
    // One byte more than allowed tells a file that is too large without reading all of it.
    char block[1 << 16];
    while (text.size() <= maxBytes && (stream.read(block, sizeof block) || stream.gcount() > 0)) {
      text.append(block, size_t(stream.gcount()));
    }
  }
  if (!stream.is_open() || stream.bad() || (text.empty() && !stream.eof())) {
    throw Error(Exit::FileIO, path + ": cannot be read (" + std::strerror(errno) + "); expected a readable JSON file");
  }
  return fromText(std::move(text), path);
}

void Source::fail(size_t offset, const std::string &pointer, const std::string &message, Exit code) const {
  throw Error(code, file + ":" + position(offset) + ": " + (pointer.empty() ? "/" : pointer) + ": " + message);
}

std::string Source::position(size_t offset) const {
  Position at = lineAndColumn(offset);
  return std::to_string(at.line) + ":" + std::to_string(at.column);
}

Source::Position Source::lineAndColumn(size_t offset) const {
  offset = std::min(offset, content.size());
  size_t line = 1 + size_t(std::count(content.begin(), content.begin() + long(offset), '\n'));
  size_t newline = offset == 0 ? std::string::npos : content.rfind('\n', offset - 1);
  size_t start = newline == std::string::npos ? std::min(afterMark(content), offset) : newline + 1;
  auto isCharacter = [](char c) { return (c & 0xC0) != 0x80; };
  size_t column = 1 + size_t(std::count_if(content.begin() + long(start), content.begin() + long(offset), isCharacter));
  return {line, column};
}

const Node &Source::nearest(const std::string &pointer) const {
  const Node *node = &tree;
  for (size_t at = 0; at < pointer.size();) {
    size_t end = std::min(pointer.find('/', at + 1), pointer.size());
    std::string step = pointer.substr(at + 1, end - at - 1);
    at = end;
    const Node *next = nullptr;
    if (node->kind == Node::Kind::Array && !step.empty() && step.find_first_not_of("0123456789") == std::string::npos) {
      size_t index = std::stoul(step);
      next = index < node->items.size() ? &node->items[index] : nullptr;
    } else if (const Node::Member *member = node->find(step)) {
      next = &member->value;
    }
    if (next == nullptr) {
      break;
    }
    node = next;
  }
  return *node;
}
