// A row program reads a state in place: with M = 2 it has three positions.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.state @s at [0, 0, 0, 0] : tensor<?x?x2xf32> {more = 1}
func.func @example() -> tensor<?x?x2xf32> {
  %s = kernel.state @s at [0, 0, 0, 0] <B x M + 1> : tensor<?x?x2xf32>
  %y = kernel.rows <B x M + 1> columns 2 in 1 x 2(%s) : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  ^bb0(%in: tensor<?x?x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x2xf32> -> f32
    kernel.yield %v : f32
  }
  return %y : tensor<?x?x2xf32>
}
// CHECK: output: 1 2 3 4 5 6{{$}}
