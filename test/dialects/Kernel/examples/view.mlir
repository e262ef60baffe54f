// Two rows of two become one row of four, whose sum is 10.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
func.func @example() -> tensor<1x1x4xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %row = kernel.view <1 x 1> %x : tensor<1x2x2xf32> -> tensor<1x1x4xf32>
  %y = kernel.rows <1 x 1> columns 4 in 1 x 4(%row) : (tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  ^bb0(%in: tensor<1x1x4xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<1x1x4xf32> -> f32
    %sum = kernel.row_sum %v
    %share = arith.divf %v, %sum : f32
    kernel.yield %share : f32
  }
  return %y : tensor<1x1x4xf32>
}
// CHECK: output: 0.1 0.2 0.3 0.4{{$}}
