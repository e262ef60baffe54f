// The exact Gaussian error linear unit.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x1x3xf32>) -> tensor<1x1x3xf32> {
  %y = mblm.activation gelu %x : tensor<1x1x3xf32>
  return %y : tensor<1x1x3xf32>
}
// CHECK: argument 0 [1, 1, 3]: 1 2 3{{$}}
// CHECK-NEXT: result 0 [1, 1, 3]: 0.84134 1.9545 2.996{{$}}
