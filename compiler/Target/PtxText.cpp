// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Line by line: directives that LLVM writes begin in the first column, and braces are balanced.
#include "compiler/Target/PtxText.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mblm;
using namespace mblm::target;
using llvm::StringRef;

static bool isHeader(StringRef line) {
  return line.starts_with(".version") || line.starts_with(".target") || line.starts_with(".address_size");
}

// Its name where `line` begins one, else empty.
static StringRef functionName(StringRef line) {
  for (StringRef directive : {".entry ", ".func "}) {
    if (size_t at = line.find(directive); line.starts_with(".") && at != StringRef::npos) {
      StringRef rest = line.substr(at + directive.size()).ltrim();
      if (rest.starts_with("(")) { // results
        rest = rest.substr(rest.find(')') + 1);
      }
      return rest.ltrim().take_until([](char c) { return c == '(' || c == ' '; });
    }
  }
  return "";
}

PtxText target::parsePtx(StringRef text) {
  PtxText result;
  int number = 0;
  PtxFunction *open = nullptr;
  int depth = 0;
  bool entered = false;
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    ++number;
    StringRef code = line.split("//").first.rtrim();
    if (!open) {
      StringRef name = functionName(code);
      if (name.empty()) {
        if (isHeader(code)) {
          result.header += code.str() + "\n";
        } else if (!code.empty()) {
          result.declarations.push_back(code.str());
        }
        continue;
      }
      open = &result.functions.emplace_back();
      open->name = name.str();
      open->isKernel = code.contains(".entry ");
      open->firstLine = number;
      depth = 0;
      entered = false;
    }
    open->text += line.str() + "\n";
    entered |= code.contains('{');
    depth += int(code.count('{')) - int(code.count('}'));
    if (depth == 0 && (entered || code.ends_with(";"))) {
      open = nullptr;
    }
  }
  return result;
}

const PtxFunction *PtxText::at(int line) const {
  const PtxFunction *found = nullptr;
  for (const PtxFunction &function : functions) {
    if (function.firstLine <= line && line < function.firstLine + int(StringRef(function.text).count('\n'))) {
      found = &function;
    }
  }
  return found;
}

// LLVM counts a label's function in its name: "$L__BB3_2". Labels are known in their function only.
static std::string withOwnLabels(StringRef text) {
  constexpr StringRef label = "$L__BB";
  std::string result;
  for (size_t at = text.find(label); at != StringRef::npos; at = text.find(label)) {
    result += text.take_front(at).str() + "$L";
    text = text.substr(at + label.size()).drop_while(llvm::isDigit);
  }
  return result + text.str();
}

std::string target::joinPtx(const std::vector<std::string> &pieces, const std::vector<std::string> &order) {
  PtxText whole;
  std::map<std::string, std::string> functions;
  for (const std::string &piece : pieces) {
    PtxText part = parsePtx(piece);
    whole.header = part.header;
    for (std::string &line : part.declarations) {
      if (!llvm::is_contained(whole.declarations, line)) {
        whole.declarations.push_back(std::move(line));
      }
    }
    for (PtxFunction &function : part.functions) {
      functions[function.name] = withOwnLabels(function.text);
    }
  }
  std::string text = whole.header + "\n" + llvm::join(whole.declarations, "\n") + "\n";
  for (const std::string &name : order) {
    if (auto found = functions.find(name); found != functions.end()) {
      text += "\n" + found->second;
    }
  }
  return text;
}
