// A gate.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x1xf32>, %y: tensor<1x2x1xf32>) -> tensor<1x2x1xf32> {
  %z = mblm.multiply %x, %y : tensor<1x2x1xf32>
  return %z : tensor<1x2x1xf32>
}
// CHECK: argument 0 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: argument 1 [1, 2, 1]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 2, 1]: 1 4{{$}}
