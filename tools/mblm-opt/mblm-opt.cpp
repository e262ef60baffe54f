// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's optimizer driver with our dialects and passes, and all upstream ones. Remarks (--remarks-filter), plugins
// (--load-pass-plugin) and everything else are MLIR's own options.
#include "compiler/Pipelines/Phases.h"
#include "dialects/Register.h"
#include "passes/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mblm::registerAllDialects(registry);
  mlir::registerAllPasses();
  mblm::registerPasses();
  mblm::pipelines::registerPipelines();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "MBLM modular optimizer driver\n", registry));
}
