// One position of zeros in front, one behind.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x1x2xf32>) -> tensor<1x3x2xf32> {
  %y = mblm.pad %x {before = 1, after = 1} : tensor<1x1x2xf32> -> tensor<1x3x2xf32>
  return %y : tensor<1x3x2xf32>
}
// CHECK: argument 0 [1, 1, 2]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 3, 2]: 0 0 1 2 0 0{{$}}
