// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the user names on the command line, as a spec or as something that runs. A spec file, an artifact and a program
// made with `--emit exe` can stand for one another.
#pragma once

#include "compiler/Driver/Options.h"
#include "compiler/Spec/Spec.h"
#include "runtime/Program.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <string>

namespace mblm::driver {

enum class ModelKind { Spec, Artifact, Executable };

struct NamedModel {
  std::string path;
  ModelKind kind = ModelKind::Spec;
  spec::Spec spec;
};

// Error(BadInput) with line and column for a wrong spec, Error(Integrity) for a damaged artifact.
NamedModel openModel(const std::string &path);

// The entries that work byte by byte, or those on whole sequences.
std::vector<std::string> entriesOf(const spec::Spec &spec, bool steps);
// Both, each once.
std::vector<std::string> allEntriesOf(const spec::Spec &spec);

std::unique_ptr<rt::Program> openProgram(const NamedModel &model, const Options &options);

// A module together with the context that it lives in.
struct OwnedModule {
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};
// The spec at phase `mblm`.
OwnedModule modelModule(const spec::Spec &spec, const Options &options);

} // namespace mblm::driver
