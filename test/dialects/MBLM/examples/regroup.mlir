// Two patches of two positions each are opened: one sequence of wide rows becomes two of narrow ones.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x4xf32>) -> tensor<2x2x2xf32> {
  %patches = mblm.regroup %x : tensor<1x2x4xf32> -> tensor<2x2x2xf32>
  return %patches : tensor<2x2x2xf32>
}
// CHECK: argument 0 [1, 2, 4]: 1 2 3 4 5 6 7 8{{$}}
// CHECK-NEXT: result 0 [2, 2, 2]: 1 2 3 4 5 6 7 8{{$}}
