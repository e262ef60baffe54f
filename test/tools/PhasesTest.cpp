// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A phase that fails says which, and leaves a reproducer behind.
#include "compiler/Pipelines/Phases.h"
#include "compiler/Pipelines/Reproducer.h"
#include "dialects/Register.h"
#include "runtime/Support/Error.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/ErrorHandling.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace mblm;

namespace {
// A module, and what its reproducers must hold.
class Phases : public ::testing::Test {
protected:
  Phases() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    // No kernel stands for an op of another dialect.
    module = mlir::parseSourceString<mlir::ModuleOp>(
        "func.func @forward(%x: tensor<4xf32>) -> tensor<4xf32> {\n"
        "  %y = math.cbrt %x : tensor<4xf32> loc(\"/stages/0/root\"(\"spec.json\":3:14))\n"
        "  return %y : tensor<4xf32>\n"
        "}\n",
        &context);
  }

  // Checks the line of an internal error, reads its reproducer and removes it.
  static std::string reproducerOf(const Error &error) {
    std::string line = error.what(), before = "; reproducer: ";
    EXPECT_EQ(error.code, Exit::Internal);
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    size_t at = line.find(before);
    if (at == std::string::npos || line.find(before, at + 1) != std::string::npos) {
      ADD_FAILURE() << "expected one reproducer: " << line;
      return "";
    }
    std::string path = line.substr(at + before.size());
    std::ifstream file(path);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::filesystem::remove(path);
    EXPECT_NE(text.find("math.cbrt"), std::string::npos);
    return text;
  }

  Error failureOf(llvm::function_ref<void()> work) {
    try {
      pipelines::withReproducer(*module, work);
    } catch (const Error &error) {
      return error;
    }
    ADD_FAILURE() << "expected an error";
    return Error(Exit::Done, "");
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};
} // namespace

TEST_F(Phases, FailureLeavesReproducer) {
  Error error = failureOf([&] {
    pipelines::toKernelPhase(*module, pipelines::Fusion());
    pipelines::toLoopsPhase(*module, {"avx512"});
  });
  std::string line = error.what();
  EXPECT_EQ(line.find("internal error in phase '"), 0u) << line;
  EXPECT_NE(line.find("': spec.json:3:14: /stages/0/root: "), std::string::npos) << line;
  EXPECT_NE(reproducerOf(error).find("pipeline:"), std::string::npos);
}

TEST_F(Phases, OtherFailuresLeaveReproducerToo) {
  Error internal = failureOf([] { throw Error(Exit::Internal, "internal error in code generation: two\nlines"); });
  EXPECT_EQ(std::string(internal.what()).find("internal error in code generation: two lines; reproducer: "), 0u);
  reproducerOf(internal);
  Error exception = failureOf([] { throw std::out_of_range("map::at"); });
  EXPECT_EQ(std::string(exception.what()).find("internal error in compilation: map::at; reproducer: "), 0u);
  reproducerOf(exception);
}

TEST_F(Phases, FailuresOfOthersLeaveNone) {
  Error error = failureOf([] { throw Error(Exit::FileIO, "cannot write"); });
  EXPECT_EQ(error.code, Exit::FileIO);
  EXPECT_EQ(std::string(error.what()), "cannot write");
  EXPECT_THROW(pipelines::withReproducer(*module, [] { throw std::bad_alloc(); }), std::bad_alloc);
  pipelines::withReproducer(*module, [] {});
}

TEST_F(Phases, FatalErrorsOfLLVMEndTheProcessWithOne) {
  EXPECT_EXIT(pipelines::withReproducer(*module, [] { llvm::report_fatal_error("cannot select"); }),
              ::testing::ExitedWithCode(1),
              "^mblm: internal error in code generation: cannot select; reproducer: .*mblm-reproducer.*\\.mlir");
  for (const auto &file : std::filesystem::directory_iterator(".")) {
    if (file.path().filename().string().rfind("mblm-reproducer-", 0) == 0) {
      std::filesystem::remove(file.path());
    }
  }
}
