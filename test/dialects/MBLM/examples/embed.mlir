// Two bytes a patch: their rows stand side by side.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%ids: tensor<1x4xi32>, %table: tensor<4x2xf32>) -> tensor<1x2x4xf32> {
  %y = mblm.embed %ids, %table {bytes = 2} : tensor<1x4xi32>, tensor<4x2xf32> -> tensor<1x2x4xf32>
  return %y : tensor<1x2x4xf32>
}
// CHECK: argument 0 [1, 4]: 0 1 2 3{{$}}
// CHECK-NEXT: argument 1 [4, 2]: 1 2 3 4 5 6 7 8{{$}}
// CHECK-NEXT: result 0 [1, 2, 4]: 1 2 3 4 5 6 7 8{{$}}
