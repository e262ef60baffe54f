// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A phase that fails says which, and leaves a reproducer behind.
#include "compiler/Pipelines/Phases.h"
#include "dialects/Register.h"
#include "runtime/Support/Error.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace mblm;

TEST(Phases, FailureLeavesReproducer) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  // No kernel stands for an op of another dialect.
  auto module = mlir::parseSourceString<mlir::ModuleOp>("func.func @forward(%x: tensor<4xf32>) -> tensor<4xf32> {\n"
                                                        "  %y = math.cbrt %x : tensor<4xf32>\n"
                                                        "  return %y : tensor<4xf32>\n"
                                                        "}\n",
                                                        &context);
  ASSERT_TRUE(module);
  try {
    pipelines::toKernelPhase(*module, pipelines::Fusion());
    pipelines::toLoopsPhase(*module, "avx512");
    FAIL() << "expected an error";
  } catch (const Error &error) {
    std::string line = error.what(), before = "reproducer: ";
    EXPECT_EQ(error.code, Exit::Internal);
    EXPECT_EQ(line.find("internal error in phase '"), 0u) << line;
    size_t at = line.find(before);
    ASSERT_NE(at, std::string::npos) << line;
    std::string path = line.substr(at + before.size());
    std::ifstream file(path);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_NE(text.find("math.cbrt"), std::string::npos);
    EXPECT_NE(text.find("pipeline:"), std::string::npos);
    std::filesystem::remove(path);
  }
}
