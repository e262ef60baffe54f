// Of three features, two stay and the third comes from the position before.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%x: tensor<1x2x3xf32>) -> tensor<1x2x3xf32> {
  %y = mblm.token_shift %x : tensor<1x2x3xf32>
  return %y : tensor<1x2x3xf32>
}
// CHECK: argument 0 [1, 2, 3]: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: result 0 [1, 2, 3]: 1 2 0 4 5 3{{$}}
