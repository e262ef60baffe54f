// What the text alone tells: counted by hand in the inputs.
// RUN: env MBLM_PTXAS=off mblm-ptx %S/inputs/kernels.mlir | FileCheck %s --check-prefix=AMPERE
// RUN: env MBLM_PTXAS=off mblm-ptx %S/inputs/hopper.mlir --arch sm_90a | FileCheck %s --check-prefix=HOPPER
// RUN: env MBLM_PTXAS=off mblm-ptx %S/inputs/hopper.mlir --arch sm_90a --emit json | FileCheck %s --check-prefix=JSON
// RUN: sed 's/@square/@again/; s/= 65536/= 32768/' %S/inputs/kernels.mlir > %t.mlir
// RUN: env MBLM_PTXAS=off mblm-ptx %S/inputs/kernels.mlir %t.mlir --emit summary | FileCheck %s --check-prefix=SHARED
// RUN: not mblm-ptx %S/inputs/kernels.mlir %t.mlir --emit ptx 2>&1 | FileCheck %s --check-prefix=ONE

//      AMPERE: kernel   threads  regs  spilled  stack  shared  blocks/SM  mma  wgmma  ldmatrix  ld 16B/less  st 16B/less  cp.async 16B/less  bulk  atomics
// AMPERE-NEXT: square       256     -        -      -       0          -    0      0         0          1/1          1/1                0/0     0        0
// AMPERE-NEXT: product      128     -        -      -   65536          -    1      0         1          0/0          0/0                1/1     0        1

// AMPERE-NEXT: 2 kernels, 1 of them with tensor-core instructions; 0 spill; 50% of the global accesses move 16 bytes

//      HOPPER: tiles        128     -        -      -    9216          -    0      1         0          0/0          0/1                0/0     1        0

//        JSON: {"async_copies":{"narrow":0,"wide":0},"atomics":0,"bulk_copies":1,"dynamic_shared_bytes":9216,
//   JSON-SAME: "global_stores":{"narrow":1,"wide":0},"kernel":"tiles","ldmatrix":0,"mma":0,"threads":128,"wgmma":1}

// A kernel that does what one of an earlier input does counts there, whatever its name: of these inputs' two, one.
//      SHARED: kernels.mlir: 2 kernels, 1 of them with tensor-core instructions; 0 spill; 50% of the global accesses move 16 bytes
// SHARED-NEXT: mlir: 1 kernels, 1 of them
// SHARED-NEXT: all: 3 kernels, 2 of them

// ONE: mblm-ptx: --emit ptx takes one input, but got 2
