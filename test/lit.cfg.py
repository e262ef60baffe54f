# The lit suite: .mlir and .test files beside this one, run with the tools of the build and LLVM's FileCheck and not.
import os
import shutil

import lit.formats

config.name = "mblm"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.mblm_test_dir
config.environment["PATH"] = os.pathsep.join([config.mblm_tools_dir, config.llvm_tools_dir, config.environment["PATH"]])
config.substitutions.append(("%count_ops_plugin", os.path.join(config.mblm_test_dir, "dialects", "CountOpsPlugin.so")))

toolkits = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
ptxas = shutil.which("ptxas") or next(filter(None, (shutil.which(f"{t}/bin/ptxas") for t in toolkits if t)), None)
if ptxas:
    config.available_features.add("ptxas")
config.environment["MBLM_PTXAS"] = ptxas or "off"
