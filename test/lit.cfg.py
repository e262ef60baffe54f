# The lit suite: .mlir and .test files beside this one, run with the tools of the build and LLVM's FileCheck and not.
import os

import lit.formats

config.name = "mblm"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.mblm_test_dir
config.environment["PATH"] = os.pathsep.join([config.mblm_tools_dir, config.llvm_tools_dir, config.environment["PATH"]])
config.substitutions.append(("%count_ops_plugin", os.path.join(config.mblm_test_dir, "dialects", "CountOpsPlugin.so")))
