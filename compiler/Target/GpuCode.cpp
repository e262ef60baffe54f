// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Target/GpuCode.h"

#include "compiler/Target/Code.h"
#include "compiler/Target/Ptx.h"
#include "passes/LowerGPU/KernelAttributes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::target;

GpuCode target::generateGpuCode(gpu::GPUModuleOp module, const std::string &arch,
                                const std::optional<std::string> &ptxas, int jobs) {
  GpuCode code;
  code.arch = arch;
  code.ptx = generatePtx(module, arch, jobs);
  Cubin cubin;
  if (ptxas) {
    cubin = assemble(*ptxas, code.ptx, arch, jobs);
    code.cubin = std::move(cubin.bytes);
  }
  std::map<std::string, int64_t> dynamicBytes;
  for (auto kernel : module.getOps<LLVM::LLVMFuncOp>()) {
    if (auto bytes = kernel->getAttrOfType<IntegerAttr>(cuda::sharedBytesAttr)) {
      dynamicBytes[kernel.getName().str()] = bytes.getInt();
    }
  }
  code.kernels = gatherEvidence(code.ptx, arch, ptxas ? &cubin : nullptr, dynamicBytes);
  return code;
}

std::string target::imageObject(const std::vector<GpuCode> &codes) {
  std::vector<std::pair<std::string, std::string>> symbols;
  for (const GpuCode &code : codes) {
    // Text for sm_90a runs where its machine code does, and nowhere else.
    if (code.cubin.empty() || code.arch == "sm_80") {
      symbols.emplace_back("mblm_ptx_" + code.arch, code.ptx);
    }
    if (!code.cubin.empty()) {
      symbols.emplace_back("mblm_image_" + code.arch, code.cubin);
    }
  }
  return dataObject(symbols);
}
