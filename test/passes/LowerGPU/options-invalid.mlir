// RUN: not mblm-opt %s --kernel-lower-gpu=precision=fp8 2>&1 | FileCheck %s --check-prefix=PRECISION
// RUN: not mblm-opt %s --kernel-lower-gpu=library=often 2>&1 | FileCheck %s --check-prefix=LIBRARY
// RUN: not mblm-opt %s --mblm-schedule-gpu=precision=fp8 2>&1 | FileCheck %s --check-prefix=PRECISION
// RUN: not mblm-opt %s --mblm-schedule-gpu=arch=sm_70 2>&1 | FileCheck %s --check-prefix=ARCH
// RUN: not mblm-opt %s --mblm-schedule-gpu=local-layers=often 2>&1 | FileCheck %s --check-prefix=LAYERS

// PRECISION: error: expects precision f32, tf32 or bf16, but got fp8
//   LIBRARY: error: expects library never, pays or fits, but got often
//      ARCH: error: expects arch sm_80 or sm_90a, but got sm_70
//    LAYERS: error: expects local-layers never, pays or fits, but got often
func.func @forward() {
  return
}
