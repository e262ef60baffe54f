// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SAX events arrive in the order of the text, so one cursor finds every token: it steps over white space, commas and
// colons to the token's start, then over the token.
#include "compiler/Spec/Json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>

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

namespace {

// Builds the tree. The open containers are a stack of nodes that move into their parents when they close, so that no
// pointer into a growing vector is ever kept.
class Builder : public nlohmann::json_sax<nlohmann::json> {
public:
  Builder(const Source &source, const std::string &text) : source(source), text(text) {
    if (text.compare(0, 3, "\xEF\xBB\xBF") == 0) {
      cursor = 3;
    }
  }

  Node take() { return std::move(root); }

  bool null() override {
    return scalar(Node::Kind::Null, [](Node &) {});
  }
  bool boolean(bool value) override {
    return scalar(Node::Kind::Boolean, [&](Node &node) { node.boolean = value; });
  }
  bool number_integer(number_integer_t value) override {
    return scalar(Node::Kind::Integer, [&](Node &node) {
      node.integer = value;
      node.real = double(value);
    });
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > uint64_t(INT64_MAX)) {
      return number_float(double(value), {});
    }
    return number_integer(number_integer_t(value));
  }
  bool number_float(number_float_t value, const string_t &) override {
    return scalar(Node::Kind::Real, [&](Node &node) { node.real = value; });
  }
  bool string(string_t &value) override {
    return scalar(Node::Kind::String, [&](Node &node) { node.text = std::move(value); });
  }
  bool binary(binary_t &) override { return false; } // never sent for text

  bool start_object(std::size_t) override { return open(Node::Kind::Object); }
  bool start_array(std::size_t) override { return open(Node::Kind::Array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t &value) override {
    size_t offset = nextToken();
    skipString();
    Frame &frame = stack.back();
    if (!frame.keys.insert(value).second) {
      source.fail(offset, pointer() + pointerStep(value),
                  "key " + inQuotes(value) + " is here twice, first at line " +
                      source.position(frame.node.find(value)->offset) + "; expected it once");
    }
    frame.key = std::move(value);
    frame.keyOffset = offset;
    return true;
  }

  bool parse_error(std::size_t position, const std::string &token, const nlohmann::json::exception &exception) override;

private:
  struct Frame {
    Node node;
    std::set<std::string> keys;
    std::string key; // of the member being read
    size_t keyOffset = 0;
  };

  size_t nextToken() {
    while (cursor < text.size() && std::strchr(" \t\r\n,:", text[cursor]) != nullptr) {
      ++cursor;
    }
    return cursor;
  }

  void skipString() {
    for (++cursor; cursor < text.size() && text[cursor] != '"'; ++cursor) {
      cursor += text[cursor] == '\\';
    }
    ++cursor;
  }

  template <typename Fill>
  bool scalar(Node::Kind kind, Fill fill) {
    Node node;
    node.kind = kind;
    node.offset = nextToken();
    if (kind == Node::Kind::String) {
      skipString();
    } else {
      while (cursor < text.size() && std::strchr(" \t\r\n,:]}", text[cursor]) == nullptr) {
        ++cursor;
      }
      node.text = text.substr(node.offset, cursor - node.offset);
    }
    count(node.offset);
    fill(node);
    add(std::move(node));
    return true;
  }

  bool open(Node::Kind kind) {
    Frame frame;
    frame.node.kind = kind;
    frame.node.offset = nextToken();
    ++cursor;
    count(frame.node.offset);
    if (stack.size() >= Source::maxDepth) {
      source.fail(frame.node.offset, pointer(),
                  "nesting is deeper than " + std::to_string(Source::maxDepth) + " levels; a model description needs 5",
                  Exit::Resource);
    }
    stack.push_back(std::move(frame));
    return true;
  }

  bool close() {
    nextToken();
    ++cursor;
    Node node = std::move(stack.back().node);
    stack.pop_back();
    add(std::move(node));
    return true;
  }

  void add(Node &&node) {
    if (stack.empty()) {
      root = std::move(node);
      return;
    }
    Frame &frame = stack.back();
    if (frame.node.kind == Node::Kind::Array) {
      frame.node.items.push_back(std::move(node));
    } else {
      frame.node.members.push_back({std::move(frame.key), frame.keyOffset, std::move(node)});
    }
  }

  void count(size_t offset) {
    if (++values > Source::maxValues) {
      source.fail(offset, pointer(),
                  "the file holds more than " + std::to_string(Source::maxValues) +
                      " values; join equal layers with \"repeat\"",
                  Exit::Resource);
    }
  }

  // Of the innermost open container.
  std::string pointer() const {
    std::string path;
    for (size_t i = 0; i + 1 < stack.size(); ++i) {
      const Frame &frame = stack[i];
      path +=
          frame.node.kind == Node::Kind::Array ? "/" + std::to_string(frame.node.items.size()) : pointerStep(frame.key);
    }
    return path;
  }

  const Source &source;
  const std::string &text;
  size_t cursor = 0;
  size_t values = 0;
  Node root;
  std::vector<Frame> stack;
};

// Turns the library's message, "... syntax error while parsing CONTEXT - DETAIL[; expected WHAT]", into one of ours.
bool Builder::parse_error(std::size_t position, const std::string &token, const nlohmann::json::exception &exception) {
  std::string message = exception.what();
  size_t tokenStart = position >= token.size() ? position - token.size() : 0;
  if (position > text.size()) { // the text ended: point behind its last token
    size_t last = text.find_last_not_of(" \t\r\n");
    size_t end = last == std::string::npos ? 0 : last + 1;
    source.fail(end, pointer(),
                "the text ends too early; expected " + std::string(stack.empty() ? "an object"
                                                                   : stack.back().node.kind == Node::Kind::Array
                                                                       ? "the rest of an array, up to ']'"
                                                                       : "the rest of an object, up to '}'"));
  }
  if (token.find("<U+") != std::string::npos) { // escaped, so its length tells nothing
    tokenStart = position - 1;
  }
  if (message.find("number overflow") != std::string::npos) {
    nextToken();
    source.fail(cursor, pointer(), "a number is too large; expected one below 1.8e308");
  }
  size_t word = std::min(text.find_first_not_of("-+", tokenStart), text.size());
  if (std::strchr("NnIi", word < text.size() ? text[word] : ' ') != nullptr) {
    source.fail(tokenStart, pointer(),
                "not JSON: " + inQuotes(text.substr(tokenStart, 8)) +
                    " is no value; expected a finite number, a string, true, false, null, an array or an object");
  }
  size_t dash = message.find(" - ");
  std::string detail = dash == std::string::npos ? message : message.substr(dash + 3);
  size_t lastRead = detail.find("; last read: ");
  if (lastRead != std::string::npos) {
    detail = detail.substr(0, lastRead) + " after " + inQuotes(token);
  }
  if (detail.find("expected ", detail.find("unexpected") == std::string::npos ? 0 : 2) == std::string::npos ||
      detail.find("; expected ") == std::string::npos) {
    detail += "; expected a JSON value";
  }
  source.fail(tokenStart, pointer(), "not JSON: " + detail);
}

} // namespace

Source Source::fromText(std::string text, std::string fileName) {
  Source source;
  source.content = std::move(text);
  source.file = std::move(fileName);
  if (source.content.size() > maxBytes) {
    source.fail(0, "", "the file is larger than 16 MiB; a model description is a few KiB", Exit::Resource);
  }
  Builder builder(source, source.content);
  nlohmann::json::sax_parse(source.content, &builder);
  source.tree = builder.take();
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
  offset = std::min(offset, content.size());
  size_t line = 1 + size_t(std::count(content.begin(), content.begin() + long(offset), '\n'));
  size_t newline = offset == 0 ? std::string::npos : content.rfind('\n', offset - 1);
  size_t start = newline == std::string::npos ? 0 : newline + 1;
  auto isCharacter = [](char c) { return (c & 0xC0) != 0x80; };
  size_t column = 1 + size_t(std::count_if(content.begin() + long(start), content.begin() + long(offset), isCharacter));
  return std::to_string(line) + ":" + std::to_string(column);
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
