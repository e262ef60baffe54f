// Bytes 0 and 1 come twice, and byte 3 is the padding that learns nothing.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%ids: tensor<1x6xi32>, %grad: tensor<1x6x1xf32>) -> tensor<4x1xf32> {
  %y = mblm.embed_grad %ids, %grad {skip = 3} : tensor<1x6xi32>, tensor<1x6x1xf32> -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}
// CHECK: argument 0 [1, 6]: 0 1 2 3 0 1{{$}}
// CHECK-NEXT: argument 1 [1, 6, 1]: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: result 0 [4, 1]: 6 8 3 0{{$}}
