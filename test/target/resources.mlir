// What ptxas tells, and that it accepts the text of both architectures.
// REQUIRES: ptxas
// RUN: mblm-ptx %S/inputs/kernels.mlir --emit json | FileCheck %s --check-prefix=AMPERE
// RUN: mblm-ptx %S/inputs/kernels.mlir --arch sm_90a --emit json | FileCheck %s --check-prefix=AMPERE
// RUN: mblm-ptx %S/inputs/hopper.mlir --arch sm_90a --emit json | FileCheck %s --check-prefix=HOPPER
// RUN: mblm-ptx %S/inputs/hopper.mlir --arch sm_90a --emit cubin | FileCheck %s --check-prefix=CUBIN

// AMPERE: "barriers":0,"blocks":8,{{.*}}"occupancy":1.0,"registers":{{[1-9][0-9]*}},"spill_loads":0,"spill_stores":0,"stack":0,"static_shared_bytes":0
// AMPERE: "barriers":1,"blocks":{{[23]}},{{.*}}"kernel":"product"

// HOPPER: "blocks":16,{{.*}}"kernel":"tiles",{{.*}}"registers":{{[1-9][0-9]*}}

// CUBIN: ELF
