// Cosine and sine of 0 and 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
func.func @example() -> tensor<2x2xf32> {
  %table = kernel.rope_table <1 x 2> half_split 2 base 1.0e4 : tensor<2x2xf32>
  return %table : tensor<2x2xf32>
}
// CHECK: output: 1 0 0.5403 0.84147{{$}}
