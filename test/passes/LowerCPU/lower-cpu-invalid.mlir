// RUN: mblm-opt %s --split-input-file --kernel-lower-cpu --verify-diagnostics
// RUN: not mblm-opt %s --split-input-file --kernel-lower-cpu="level=sse9" 2>&1 | FileCheck %s --check-prefix=LEVEL
// RUN: not mblm-opt %s --split-input-file --kernel-lower-cpu="precision=fp8" 2>&1 | FileCheck %s --check-prefix=PRECISION

// LEVEL: error: expects one of the levels amx, avx512bf16, avx512, avx2, portable, neon, but got sse9
// PRECISION: error: expects precision f32 or bf16, but got fp8
module {
  func.func @forward(%x: tensor<?x?x8xf32>, %gain: tensor<8xf32>) -> tensor<?x?x8xf32> {
    // expected-error@+1 {{'mblm.norm' op expects only kernels here}}
    %y = mblm.norm rms %x, %gain {eps = 1.0e-5 : f64} : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
    return %y : tensor<?x?x8xf32>
  }
}
