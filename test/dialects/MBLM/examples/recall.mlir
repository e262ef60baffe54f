// Two positions before P = 1: there is none at -1, the state has 0 in row 0.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.state @tail at [0, 0, 0, 0] : tensor<?x2x1xf32>
func.func @example(%x: tensor<1x2x1xf32>) -> tensor<?x4x1xf32> {
  %s = mblm.get_state @tail : tensor<?x2x1xf32>
  %y = mblm.recall %s, %x : tensor<?x2x1xf32>, tensor<1x2x1xf32> -> tensor<?x4x1xf32>
  return %y : tensor<?x4x1xf32>
}
// CHECK: argument 0 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 4, 1]: 0 1 1 2{{$}}
