// Two zeros, then the ids.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%ids: tensor<1x3xi32>) -> tensor<1x5xi32> {
  %0 = mblm.lead %ids count 2 : tensor<1x3xi32> -> tensor<1x5xi32>
  return %0 : tensor<1x5xi32>
}
// CHECK: result 0 [1, 5]: 0 0 0 1 2{{$}}
