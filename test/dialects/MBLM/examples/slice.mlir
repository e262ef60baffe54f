// The output behind the last patch has no patch to go to.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x3x2xf32>) -> tensor<1x2x2xf32> {
  %y = mblm.slice %x {after = 1} : tensor<1x3x2xf32> -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}
// CHECK: argument 0 [1, 3, 2]: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: result 0 [1, 2, 2]: 1 2 3 4{{$}}
