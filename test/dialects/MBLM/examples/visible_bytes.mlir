// Byte 1 ends a document; nobody sees more than two bytes.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%ids: tensor<1x5xi32>) -> tensor<1x10xi32> {
  %0 = mblm.visible_bytes %ids window 2 end 1 : tensor<1x5xi32> -> tensor<1x10xi32>
  return %0 : tensor<1x10xi32>
}
// CHECK: result 0 [1, 10]: 0 1 0 2 2 3 2 4 3 5{{$}}
