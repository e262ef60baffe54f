// The first position stays; the second is turned by one radian.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x2xf32>) -> tensor<1x2x2xf32> {
  %y = mblm.rope half_split %x : tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}
// CHECK: argument 0 [1, 2, 2]: 1 2 3 4{{$}}
// CHECK-NEXT: result 0 [1, 2, 2]: 1 2 -1.745 4.6856{{$}}
