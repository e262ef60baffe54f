// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ModelInfo and the module's attributes as JSON.
#include "compiler/Target/Metadata.h"

#include "runtime/ABI.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/TypeSwitch.h"

#include <nlohmann/json.hpp>

using namespace mblm;
using nlohmann::json;

static json toJson(mlir::Attribute attribute) {
  return llvm::TypeSwitch<mlir::Attribute, json>(attribute)
      .Case([](mlir::DictionaryAttr dictionary) {
        json object = json::object();
        for (mlir::NamedAttribute item : dictionary) {
          object[item.getName().str()] = toJson(item.getValue());
        }
        return object;
      })
      .Case([](mlir::ArrayAttr array) {
        json list = json::array();
        for (mlir::Attribute item : array) {
          list.push_back(toJson(item));
        }
        return list;
      })
      .Case([](mlir::DenseI64ArrayAttr array) { return json(array.asArrayRef().vec()); })
      .Case([](mlir::StringAttr text) { return json(text.str()); })
      .Case([](mlir::IntegerAttr number) { return json(number.getInt()); })
      .Case([](mlir::FloatAttr number) { return json(number.getValueAsDouble()); });
}

target::LoweredInfo::LoweredInfo(mlir::ModuleOp module, const Machine &machine, const std::string &suffix)
    : states(module->getAttr("mblm.states")), entries(module->getAttr("mblm.entries")),
      kernels(module->getAttr("mblm.kernels")), prepared(module->getAttr("mblm.prepared")), level(machine.level), suffix(suffix) {}

std::string target::metadataText(const rt::ModelInfo &info, llvm::ArrayRef<LoweredInfo> levels, llvm::ArrayRef<mlir::Attribute> gpus) {
  json parameters = json::array();
  for (const rt::Parameter &p : info.parameters) {
    parameters.push_back(
        {{"name", p.name}, {"shape", p.shape}, {"offset", p.offset}, {"init", p.init}, {"scale", p.scale}});
    if (p.high > 0) {
      parameters.back()["low"] = p.low;
      parameters.back()["high"] = p.high;
    }
    if (p.zeroRow >= 0) {
      parameters.back()["zero_row"] = p.zeroRow;
    }
  }
  json meta = {{"abi", MBLM_ABI},
               {"name", info.name},
               {"vocab", info.vocab},
               {"inner", info.inner},
               {"max_slots", info.maxSlots},
               {"max_length", info.maxLength},
               {"start_token", info.startToken},
               {"hidden_dim", info.hiddenDim},
               {"stage_lengths", info.stageLengths},
               {"names", info.names},
               {"spec", info.spec},
               {"ignorable", info.ignorable},
               {"parameters", parameters},
               {"parameter_elements", info.parameterElements},
               {"states", toJson(levels.front().states)},
               {"levels", json::array()}};
  for (const LoweredInfo &lowered : levels) {
    json code = {{"level", lowered.level},
                 {"entries", lowered.entries ? toJson(lowered.entries) : json::object()},
                 {"kernels", lowered.kernels ? toJson(lowered.kernels) : json::array()}};
    if (!lowered.suffix.empty()) {
      code["suffix"] = lowered.suffix;
    }
    if (lowered.prepared) {
      code["prepared"] = toJson(lowered.prepared);
    }
    meta["levels"].push_back(std::move(code));
  }
  for (mlir::Attribute gpu : gpus) {
    json plan = toJson(gpu);
    meta["gpu"][plan["architecture"].get<std::string>()] = plan;
  }
  if (info.pad) {
    meta["pad"] = *info.pad;
  }
  if (info.patched) {
    const rt::PatchRule &rule = info.patchRule;
    meta["patches"] = {{"mode", int(rule.mode)},           {"size", rule.size},           {"lead", rule.lead},
                       {"threshold", rule.threshold},       {"monotonic", rule.monotonic}, {"max_length", rule.maxLength},
                       {"most", info.mostPatches}};
    if (rule.thresholdAdd) {
      meta["patches"]["threshold_add"] = *rule.thresholdAdd;
    }
  }
  if (info.prefix > 0) {
    meta["prefix"] = info.prefix;
  }
  if (info.isMasked()) {
    meta["mask"] = {{"token", info.maskToken}, {"probability", info.maskProbability}};
  }
  if (info.firstByte != 0) {
    meta["first_byte"] = info.firstByte;
  }
  if (info.documentEnd >= 0) {
    meta["document_end"] = info.documentEnd;
  }
  return meta.dump();
}
