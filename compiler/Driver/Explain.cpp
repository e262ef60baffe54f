// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stops at phase `loops` and reads the module's attributes.
#include "compiler/Driver/Explain.h"

#include "compiler/Pipelines/Phases.h"
#include "compiler/Target/Machine.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mblm;
using namespace mblm::driver;

static rt::LinearSize formOf(mlir::DictionaryAttr sizes, llvm::StringRef name) {
  rt::LinearSize form;
  llvm::copy(sizes.getAs<mlir::DenseI64ArrayAttr>(name).asArrayRef(), form.coefficients.begin());
  return form;
}

Explanation driver::explain(const NamedModel &model, const Options &options) {
  Explanation result;
  Options watched = options;
  watched.remarks = &result.remarks;
  OwnedModule owned = modelModule(model.spec, watched);
  pipelines::toKernelPhase(*owned.module, options.fusion);
  pipelines::toLoopsPhase(*owned.module, options.level.empty() ? target::hostMachine().level
                                                               : target::machineOfLevel(options.level).level);
  mlir::ModuleOp module = *owned.module;
  for (auto launch : module->getAttrOfType<mlir::ArrayAttr>("mblm.kernels").getAsRange<mlir::DictionaryAttr>()) {
    auto text = [&](llvm::StringRef key) { return launch.getAs<mlir::StringAttr>(key).str(); };
    result.kernels.push_back({text("name"), text("from"), text("entry")});
  }
  for (mlir::NamedAttribute entry : module->getAttrOfType<mlir::DictionaryAttr>("mblm.entries")) {
    auto sizes = llvm::cast<mlir::DictionaryAttr>(entry.getValue());
    result.entries[entry.getName().str()] = {formOf(sizes, "arena"), formOf(sizes, "scratch")};
  }
  return result;
}
