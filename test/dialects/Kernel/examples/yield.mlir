// Two results: one of every column, and one that each row has once.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
func.func @example() -> tensor<1x2xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %twice, %sums = kernel.rows <1 x 2> columns 2 in 1 x 2(%x)
      : (tensor<1x2x2xf32>) -> (tensor<1x2x2xf32>, tensor<1x2xf32>) {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    %double = arith.addf %v, %v : f32
    %sum = kernel.row_sum %double
    kernel.yield %double, %sum : f32, f32
  }
  return %sums : tensor<1x2xf32>
}
// CHECK: output: 6 14{{$}}
