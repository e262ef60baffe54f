// Two neighbours are one tensor.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @first at 0 : tensor<1x2xf32>
mblm.parameter @second at 2 : tensor<2x2xf32>
func.func @example() -> tensor<1x3x2xf32> {
  %both = kernel.weight [@first, @second] at 0 : tensor<1x3x2xf32>
  %y = kernel.rows <1 x 3> columns 2 in 1 x 2(%both) : (tensor<1x3x2xf32>) -> tensor<1x3x2xf32> {
  ^bb0(%in: tensor<1x3x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<1x3x2xf32> -> f32
    kernel.yield %v : f32
  }
  return %y : tensor<1x3x2xf32>
}
// CHECK: output: 1 2 3 4 5 6{{$}}
