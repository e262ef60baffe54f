// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes to ids and back.
#include "runtime/Tokenizer.h"

#include <algorithm>

namespace mblm::rt {

static uint8_t byteAt(const std::string &text, size_t at) { return at < text.size() ? uint8_t(text[at]) : 0; }

static bool isContinuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// Bytes of the character of well-formed UTF-8 at `at`; 0: there is none.
static size_t characterAt(const std::string &text, size_t at) {
  uint8_t first = byteAt(text, at), second = byteAt(text, at + 1);
  if (first < 0x80) {
    return 1;
  }
  // The second byte's limits leave out overlong forms, surrogates and what is beyond U+10FFFF.
  size_t bytes = first >= 0xC2 && first <= 0xDF   ? 2
                 : first >= 0xE0 && first <= 0xEF ? 3
                 : first >= 0xF0 && first <= 0xF4 ? 4
                                                  : 0;
  uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (bytes == 0 || second < low || second > high) {
    return 0;
  }
  for (size_t i = 2; i < bytes; ++i) {
    if (!isContinuation(byteAt(text, at + i))) {
      return 0;
    }
  }
  return bytes;
}

std::vector<int32_t> encodeText(const std::string &text, bool begin, bool end) {
  std::vector<int32_t> ids;
  if (begin) {
    ids.push_back(beginId);
  }
  for (size_t at = 0; at < text.size(); ++at) {
    bool surrogate = byteAt(text, at) == 0xED && byteAt(text, at + 1) >= 0xA0 && isContinuation(byteAt(text, at + 1)) &&
                     isContinuation(byteAt(text, at + 2));
    if (surrogate) {
      at += 2;
    } else {
      ids.push_back(byteOffset + byteAt(text, at));
    }
  }
  if (end) {
    ids.push_back(endId);
  }
  return ids;
}

std::string decodeText(const std::vector<int32_t> &ids, bool cut) {
  auto last = cut ? std::find(ids.begin(), ids.end(), endId) : ids.end();
  std::string bytes, text;
  std::for_each(ids.begin(), last, [&](int32_t id) {
    if (id >= byteOffset && id < byteOffset + 256) {
      bytes.push_back(char(id - byteOffset));
    }
  });
  for (size_t at = 0; at < bytes.size();) {
    size_t length = characterAt(bytes, at);
    text.append(bytes, at, length);
    at += std::max<size_t>(length, 1);
  }
  return text;
}

} // namespace mblm::rt
