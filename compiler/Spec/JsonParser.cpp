// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SAX events arrive in the order of the text, so one cursor finds every token: it steps over white space, commas and
// colons to the token's start, then over the token.
#include "compiler/Spec/Json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <set>

using namespace mblm;
using namespace mblm::spec;

namespace {

// Builds the tree. The open containers are a stack of nodes that move into their parents when they close, so that no
// pointer into a growing vector is ever kept.
class Builder : public nlohmann::json_sax<nlohmann::json> {
public:
  Builder(const Source &source, const std::string &text) : source(source), text(text) { cursor = afterMark(text); }

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

  size_t tokenEnd(size_t start) const;

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

// One byte for a bracket, comma or colon, else up to the next delimiter or closing quote.
size_t Builder::tokenEnd(size_t start) const {
  if (text[start] == '"') {
    size_t at = start + 1;
    while (at < text.size() && text[at] != '"') {
      at += text[at] == '\\' ? 2 : 1;
    }
    return std::min(at + 1, text.size());
  }
  return std::max(std::min(text.find_first_of(" \t\r\n,:[]{}\"", start), text.size()), start + 1);
}

// The library tells how many bytes it has read and what is wrong, "... - DETAIL[; last read: ...]"; which token that
// was is found from the cursor. Where the lexer failed it may have read one byte beyond the token, which is then no
// bracket.
bool Builder::parse_error(std::size_t position, const std::string &, const nlohmann::json::exception &exception) {
  std::string message = exception.what();
  if (position > text.size()) { // the text ended: point behind its last token
    size_t last = text.find_last_not_of(" \t\r\n");
    const char *missing = "an object";
    if (!stack.empty()) {
      missing = stack.back().node.kind == Node::Kind::Array ? "the rest of an array, up to ']'"
                                                            : "the rest of an object, up to '}'";
    }
    source.fail(last == std::string::npos ? 0 : last + 1, pointer(),
                std::string("the text ends too early; expected ") + missing);
  }
  bool lexer = message.find(" - invalid ") != std::string::npos;
  size_t start = cursor;
  for (size_t at = cursor; at < text.size(); at = tokenEnd(at)) {
    at = std::min(text.find_first_not_of(" \t\r\n", at), text.size() - 1);
    start = at;
    bool bracket = std::strchr(",:[]{}", text[at]) != nullptr;
    if (lexer ? !bracket && tokenEnd(at) + 1 >= position : tokenEnd(at) >= position) {
      break;
    }
  }
  start = std::min(start, position - 1);
  std::string token = text.substr(start, tokenEnd(start) - start);
  if (message.find("number overflow") != std::string::npos) {
    source.fail(start, pointer(), "the number " + inQuotes(token) + " is too large; expected one below 1.8e308");
  }
  size_t dash = message.find(" - ");
  std::string detail = dash == std::string::npos ? message : message.substr(dash + 3);
  detail = detail.substr(0, detail.find("; last read: "));
  if (detail == "invalid literal") {
    detail += " " + inQuotes(token) + "; expected a string, a finite number, true, false, null, an array or an object";
  } else if (detail.find("expected ") == std::string::npos) {
    detail += "; expected a valid JSON " + std::string(token[0] == '"' ? "string" : "number");
  }
  source.fail(start, pointer(), "not JSON: " + detail);
}

} // namespace

Node mblm::spec::parseTree(const Source &source) {
  Builder builder(source, source.text());
  nlohmann::json::sax_parse(source.text(), &builder);
  return builder.take();
}
