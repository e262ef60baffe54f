// Rows from the last to the first; there are M = 2.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
func.func @example() -> tensor<1x2x2xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %y = kernel.rows <1 x 2> columns 2 in 1 x 2(%x) : (tensor<1x2x2xf32>) -> tensor<1x2x2xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %one = arith.constant 1 : index
    %m = kernel.slots
    %last = arith.subi %m, %one : index
    %from = arith.subi %last, %t : index
    %v = kernel.load %in[%k, %from, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %v : f32
  }
  return %y : tensor<1x2x2xf32>
}
// CHECK: output: 3 4 1 2{{$}}
