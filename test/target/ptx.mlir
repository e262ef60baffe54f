// The PTX of kernels: their directives, the attributes of their arguments, and the same text on any number of threads.
// RUN: mblm-ptx %S/inputs/kernels.mlir --emit ptx | FileCheck %s --check-prefix=AMPERE
// RUN: mblm-ptx %S/inputs/hopper.mlir --arch sm_90a --emit ptx | FileCheck %s --check-prefix=HOPPER
// RUN: mblm-ptx %S/inputs/kernels.mlir --emit ptx --threads 1 -o %t.1
// RUN: mblm-ptx %S/inputs/kernels.mlir --emit ptx --threads 4 -o %t.4
// RUN: diff %t.1 %t.4

//      AMPERE: .version 8.0
// AMPERE-NEXT: .target sm_80
//      AMPERE: .extern .shared .align 1024 .b8 mblm_shared[];
//  AMPERE-NOT: .extern
//      AMPERE: .visible .entry square(
// AMPERE-NEXT:   .param .u64 .ptr .global .align 16 square_param_0,
//      AMPERE: .maxntid 256
//      AMPERE:   ld.global.nc.v4.b32
//      AMPERE:   st.global.v4.b32
//      AMPERE: .visible .entry product(
//      AMPERE:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32

//      HOPPER: .version 8.6
// HOPPER-NEXT: .target sm_90a
//      HOPPER:   .param .align 64 .b8 tiles_param_4[128]
//      HOPPER:   cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [mblm_shared]
//      HOPPER:   wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16
