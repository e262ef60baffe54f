// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all builders share: names, loads, and the ops whose types follow from their operands.
#include "compiler/Frontend/Graph.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;

ParameterTable::ParameterTable(const spec::Spec &spec) : parameters(spec::listParameters(spec)) {
  for (size_t p = 0; p < parameters.size(); ++p) {
    index[{parameters[p].role, parameters[p].stage, parameters[p].layer}] = p;
  }
}

const spec::Parameter *ParameterTable::find(spec::Role role, int stage, int layer) const {
  auto found = index.find({role, stage, layer});
  return found == index.end() ? nullptr : &parameters[found->second];
}

RankedTensorType mblm::frontend::withPositions(Value value, int64_t positions) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[1] = positions;
  return type.clone(shape);
}

RankedTensorType mblm::frontend::withWidth(Value value, int64_t width) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[2] = width;
  return type.clone(shape);
}

void Graph::enter(std::string newPointer, int newStage, int newLayer) {
  pointer = std::move(newPointer);
  stage = newStage;
  layer = newLayer;
}

Location mblm::frontend::placeOf(const spec::Spec &spec, StringRef pointer, MLIRContext *context) {
  if (spec.places.file.empty()) {
    return UnknownLoc::get(context);
  }
  std::string entry = pointer.take_until([](char c) { return c == '#'; }).str();
  auto at = spec.places.positions.find(entry);
  while (at == spec.places.positions.end() && !entry.empty()) {
    entry.resize(entry.rfind('/'));
    at = spec.places.positions.find(entry);
  }
  if (at == spec.places.positions.end()) {
    return UnknownLoc::get(context);
  }
  return FileLineColLoc::get(context, spec.places.file, at->second.line, at->second.column);
}

Location Graph::at(StringRef role) {
  return NameLoc::get(builder.getStringAttr(pointer + "/" + role), placeOf(spec, pointer, builder.getContext()));
}

Value Graph::load(ArrayRef<spec::Role> roles) {
  return loadEach(llvm::map_to_vector(roles, [&](spec::Role role) { return std::pair(role, layer); }));
}

Value Graph::loadEach(ArrayRef<std::pair<spec::Role, int>> rolesAndLayers) {
  SmallVector<Attribute> names;
  SmallVector<int64_t> shape;
  std::string key;
  for (auto [role, each] : rolesAndLayers) {
    const spec::Parameter *parameter = parameters.find(role, stage, each);
    if (!parameter) {
      return {};
    }
    if (shape.empty()) {
      shape.assign(parameter->shape.begin(), parameter->shape.end());
    } else {
      shape[0] += parameter->shape[0];
    }
    names.push_back(FlatSymbolRefAttr::get(builder.getContext(), parameter->name));
    key += parameter->name + "\n";
  }
  Value &value = loaded[key];
  if (!value) {
    value = LoadOp::create(builder, at("parameters"), RankedTensorType::get(shape, builder.getF32Type()),
                           builder.getArrayAttr(names));
  }
  return value;
}

Value Graph::linear(StringRef name, Value input, Value weight, Value bias) {
  int64_t width = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  return LinearOp::create(builder, at(name), withWidth(input, width), input, weight, bias);
}

static NormKind toNormKind(spec::Norm kind) {
  return kind == spec::Norm::Layer ? NormKind::Layer : kind == spec::Norm::Rms ? NormKind::Rms : NormKind::RmsClamp;
}

Value Graph::norm(StringRef name, Value input, spec::Norm kind, double eps, spec::Role weight, spec::Role bias) {
  if (kind == spec::Norm::None) {
    return input;
  }
  Value gain = load(weight);
  Value offset = kind == spec::Norm::Layer ? load(bias) : Value();
  return NormOp::create(builder, at(name), input.getType(), input, gain, offset, toNormKind(kind), APFloat(eps));
}

Value Graph::add(StringRef name, Value lhs, Value rhs) { return AddOp::create(builder, at(name), lhs, rhs); }

Value Graph::slice(StringRef name, Value input, int64_t before, int64_t after) {
  int64_t positions = cast<RankedTensorType>(input.getType()).getDimSize(1);
  if (!ShapedType::isDynamic(positions)) {
    positions -= before + after;
  }
  return SliceOp::create(builder, at(name), withPositions(input, positions), input, uint64_t(before), uint64_t(after));
}

Value Graph::regroup(StringRef name, Value input, int64_t positions, int64_t width) {
  SmallVector<int64_t> shape{ShapedType::kDynamic, positions};
  if (width != 0) {
    shape.push_back(width);
  }
  auto type = cast<RankedTensorType>(input.getType()).clone(shape);
  return type == input.getType() ? input : RegroupOp::create(builder, at(name), type, input).getResult();
}
