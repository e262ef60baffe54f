// Rows (1, 2), (3, 4) and (5, 6) become columns.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @w at 0 : tensor<3x2xf32>
func.func @example() -> tensor<2x3xf32> {
  %w = kernel.weight [@w] at 0 : tensor<3x2xf32>
  %t = kernel.transpose %w : tensor<3x2xf32> -> tensor<2x3xf32>
  return %t : tensor<2x3xf32>
}
// CHECK: output: 1 3 5 2 4 6{{$}}
