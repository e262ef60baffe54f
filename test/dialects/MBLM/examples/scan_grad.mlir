// The gradient of running sums is sums from the end.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%g: tensor<1x3x1xf32>, %y: tensor<1x3x1xf32>, %x: tensor<1x3x1xf32>) -> tensor<1x3x1xf32> {
  %d = mblm.scan_grad(%g) states(%y) inputs(%x)
      : (tensor<1x3x1xf32>, tensor<1x3x1xf32>, tensor<1x3x1xf32>) -> tensor<1x3x1xf32> {
  ^bb0(%left: f32, %right: f32, %grad: f32):
    mblm.yield %grad, %grad : f32, f32
  }
  return %d : tensor<1x3x1xf32>
}
// CHECK: argument 0 [1, 3, 1]: 1 2 3{{$}}
// CHECK-NEXT: argument 1 [1, 3, 1]: 1 2 3{{$}}
// CHECK-NEXT: argument 2 [1, 3, 1]: 1 2 3{{$}}
// CHECK-NEXT: result 0 [1, 3, 1]: 6 5 3{{$}}
