// The gradients, 1 before, grow by the value.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.parameter @bias at 0 : tensor<3xf32>
func.func @example(%grad: tensor<3xf32>) {
  mblm.gradient [@bias], %grad : tensor<3xf32>
  return
}
// CHECK: argument 0 [3]: 1 2 3{{$}}
// CHECK-NEXT: parameters: 1 2 3{{$}}
// CHECK-NEXT: gradients: 2 3 4{{$}}
