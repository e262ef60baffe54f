// Failures are one line each.
// RUN: not env MBLM_PTXAS=%S/inputs/failing-ptxas mblm-ptx %S/inputs/kernels.mlir 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: not env MBLM_PTXAS=/nowhere/ptxas mblm-ptx %S/inputs/kernels.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not env MBLM_PTXAS=off mblm-ptx %S/inputs/kernels.mlir --emit cubin 2>&1 | FileCheck %s --check-prefix=OFF
// RUN: mkdir -p %t && cd %t && not mblm-ptx %S/inputs/hopper.mlir --arch sm_80 --emit ptx 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: not mblm-ptx %S/inputs/failing-ptxas --emit ptx 2>&1 | FileCheck %s --check-prefix=TEXT

// REFUSED: mblm-ptx: ptxas refuses kernel 'product': ptxas kernels.ptx, line 70; error : Unknown modifier '.b17'; its log is [[LOG:.*/log]]; with MBLM_PTXAS=off the driver assembles the kernels
// MISSING: mblm-ptx: MBLM_PTXAS is '/nowhere/ptxas', expected the path of the program ptxas, or off
//     OFF: mblm-ptx: --emit cubin needs ptxas of the CUDA Toolkit; expected it in MBLM_PTXAS, PATH or CUDA_HOME
//   WRONG: mblm: internal error in code generation: Cannot select: intrinsic %llvm.nvvm.cp.async.bulk.tensor.g2s.cta.tile.2d; reproducer: mblm-reproducer-
//    TEXT: inputs/failing-ptxas: expected a spec (.json), or MLIR with kernels or a gpu.module
