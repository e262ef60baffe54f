// Two segments of two columns, the second one with the same row of the input; and their sums over both rows.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
func.func @example() -> tensor<1x4xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %pairs, %sums = kernel.rows <1 x 2> columns 4 in 2 x 2 block_sums [1](%x)
      : (tensor<1x2x2xf32>) -> (tensor<1x2x4xf32>, tensor<1x4xf32>) {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %d] : tensor<1x2x2xf32> -> f32
    kernel.yield %v, %v : f32, f32
  }
  return %sums : tensor<1x4xf32>
}
// CHECK: output: 4 6 4 6{{$}}
