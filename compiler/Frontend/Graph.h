// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function under construction: where the next op goes, what it is called, and the parameters loaded so far. The
// builders of this room share it; result types follow from operands and parameters here, so that no builder spells
// them out.
#pragma once

#include "compiler/Spec/Parameters.h"
#include "dialects/MBLM/IR/MBLMOps.h"

#include <map>
#include <string>
#include <tuple>

namespace mblm::frontend {

// The spec's parameters by what they are for.
class ParameterTable {
public:
  explicit ParameterTable(const spec::Spec &spec);

  // `layer` and `stage` as in spec::Parameter. Null where the spec has no such parameter.
  const spec::Parameter *find(spec::Role role, int stage = -1, int layer = -1) const;
  const std::vector<spec::Parameter> &list() const { return parameters; }

private:
  std::vector<spec::Parameter> parameters;
  std::map<std::tuple<spec::Role, int, int>, size_t> index;
};

class Graph {
public:
  Graph(const spec::Spec &spec, const ParameterTable &parameters, mlir::OpBuilder builder)
      : spec(spec), builder(builder), parameters(parameters) {}

  const spec::Spec &spec;
  mlir::OpBuilder builder;
  std::string inner; // the function that the stages behind the first run in, by pieces; empty: none

  // What dropout draws with; null in functions that drop nothing.
  mlir::Value dropoutKey;
  // Of a masked model: which bytes attention may see.
  mlir::Value visible;
  // Of the next op with dropout: each has a site of its own.
  uint64_t nextSite() { return site++; }

  // From here on: the part of the description that is being built, a JSON pointer, and which of its parameters are
  // meant.
  void enter(std::string pointer, int stage, int layer = -1);

  // Location "<pointer>/<role>", with where the spec's file has it.
  mlir::Location at(llvm::StringRef role);

  // The parameter of the current stage and layer, loaded once a function; null where the spec has none. Several stand
  // one after the other in the buffer and are read as one.
  mlir::Value load(spec::Role role) { return load(llvm::ArrayRef(role)); }
  mlir::Value load(llvm::ArrayRef<spec::Role> roles);
  // The same of the current stage with layers of their own.
  mlir::Value loadEach(llvm::ArrayRef<std::pair<spec::Role, int>> rolesAndLayers);

  mlir::Value linear(llvm::StringRef name, mlir::Value input, mlir::Value weight, mlir::Value bias);
  // The input itself for Norm::None.
  mlir::Value norm(llvm::StringRef name, mlir::Value input, spec::Norm kind, double eps, spec::Role weight,
                   spec::Role bias);
  mlir::Value add(llvm::StringRef name, mlir::Value lhs, mlir::Value rhs);
  mlir::Value slice(llvm::StringRef name, mlir::Value input, int64_t before, int64_t after);
  // To sequences of `positions` (mlir::ShapedType::kDynamic: as many as there are) with `width` features; ids: width 0.
  mlir::Value regroup(llvm::StringRef name, mlir::Value input, int64_t positions, int64_t width);

private:
  const ParameterTable &parameters;
  std::map<std::string, mlir::Value> loaded; // by the names of the parameters
  std::string pointer;
  int stage = -1;
  int layer = -1;
  uint64_t site = 0;
};

// File, line and column of the nearest entry around `pointer`; unknown where no file is.
mlir::Location placeOf(const spec::Spec &spec, llvm::StringRef pointer, mlir::MLIRContext *context);

// The type of `value` with another number of positions, or another number of features.
mlir::RankedTensorType withPositions(mlir::Value value, int64_t positions);
mlir::RankedTensorType withWidth(mlir::Value value, int64_t width);

} // namespace mblm::frontend
