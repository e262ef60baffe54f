// The call stands at P = 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
func.func @example() -> tensor<1x2x1xf32> {
  %y = kernel.rows <1 x 2> columns 1 in 1 x 1() : () -> tensor<1x2x1xf32> {
  ^bb0(%k: index, %t: index, %j: index, %d: index, %c: index):
    %p = kernel.call_position
    %q = arith.addi %p, %t : index
    %i = arith.index_cast %q : index to i32
    %v = arith.sitofp %i : i32 to f32
    kernel.yield %v : f32
  }
  return %y : tensor<1x2x1xf32>
}
// CHECK: output: 1 2{{$}}
