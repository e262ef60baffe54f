// Each number as a share of its row, 1 + 2 and 3 + 4.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
func.func @example() -> tensor<1x2x2xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %y = kernel.rows <1 x 2> columns 2 in 1 x 2(%x) : (tensor<1x2x2xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    %sum = kernel.row_sum %v
    %share = arith.divf %v, %sum : f32
    kernel.yield %share : f32
  }
  return %y : tensor<1x2x2xf32>
}
// CHECK: output: 0.33333 0.66667 0.42857 0.57143{{$}}
