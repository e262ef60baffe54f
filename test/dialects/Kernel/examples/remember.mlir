// Three positions from P = 1 on into a ring of two: those of 2 and 3 stay, 3 in row 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<3x1xf32>
mblm.state @s at [0, 0, 0, 0] : tensor<?x2x1xf32>
func.func @example() {
  %x = kernel.weight [@x] at 0 : tensor<1x3x1xf32>
  %s = kernel.state @s at [0, 0, 0, 0] <B x 2> : tensor<?x2x1xf32>
  kernel.remember <B x 3> columns 1 in 1 x 1(%x) into %s from 0 : (tensor<1x3x1xf32>, tensor<?x2x1xf32>) -> () {
  ^bb0(%in: tensor<1x3x1xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<1x3x1xf32> -> f32
    %double = arith.addf %v, %v : f32
    kernel.yield %double : f32
  }
  return
}
// CHECK: state: 4 6 3 4 5 6 7 8 9 10 11 12 13 14 15 16{{$}}
