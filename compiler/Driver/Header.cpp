// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ABI comes from runtime/ABI.h itself, which the build turns into a string.
#include "compiler/Driver/Header.h"

#include "compiler/Driver/ABIText.h"

using namespace mblm;

// "a.b-c" -> "A_B_C".
static std::string macroName(const std::string &text) {
  std::string name;
  for (char c : text) {
    name += std::isalnum(static_cast<unsigned char>(c)) ? char(std::toupper(static_cast<unsigned char>(c))) : '_';
  }
  return name;
}

std::string driver::headerText(const rt::ModelInfo &info, const std::vector<std::string> &entries,
                               const std::vector<target::Machine> &machines) {
  std::string text = abiText;
  auto define = [&](const std::string &name, int64_t value) {
    text += "#define MBLM_" + name + " INT64_C(" + std::to_string(value) + ")\n";
  };
  std::string levels;
  for (const target::Machine &machine : machines) {
    levels += (levels.empty() ? "" : ",") + machine.level;
  }
  text += "\n// What its code is made for, best first; the entries of each have its name behind theirs where there are several.\n"
          "#define MBLM_LEVELS \"" + levels + "\"\n";
  text += "\n// The model.\n";
  define("VOCAB", info.vocab);
  define("BYTES_PER_SLOT", info.inner);
  define("MAX_SLOTS", info.maxSlots);
  define("HIDDEN_DIM", info.hiddenDim);
  define("PAD", info.pad ? *info.pad : -1);
  define("PARAMETER_COUNT", int64_t(info.parameters.size()));
  define("PARAMETER_ELEMENTS", info.parameterElements);
  text += "\n// Where each parameter begins in the flat buffers, in floats.\n";
  for (const rt::Parameter &parameter : info.parameters) {
    define("OFFSET_" + macroName(parameter.name), parameter.offset);
  }
  text += "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\nextern const char mblm_metadata[];\n";
  std::vector<std::string> names = entries;
  names.push_back(rt::entryName(rt::Entry::Prepare)); // there where the metadata has copies
  for (const target::Machine &machine : machines) {
    for (const std::string &name : names) {
      text += "int32_t mblm_entry_" + name + target::suffixOf(machine, machines) + "(MblmContext *context);\n";
    }
  }
  return text + "#ifdef __cplusplus\n}\n#endif\n";
}
