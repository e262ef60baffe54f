// Losses 1 to 4 with weights 1 to 4; byte 3 is padding and leaves the count, not the sum.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%losses: tensor<1x4xf32>, %mask: tensor<1x4xf32>, %ids: tensor<1x4xi32>)
    -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %loss, %sum, %count = mblm.mean_loss targets %losses, %mask, %ids {ignore = 3 : i64}
    : tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xi32>
  return %loss, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>
}
// CHECK: argument 0 [1, 4]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 1 [1, 4]: 1 2 3 4{{$}}
// CHECK-NEXT: argument 2 [1, 4]: 0 1 2 3{{$}}
// CHECK-NEXT: result 0 []: 10{{$}}
// CHECK-NEXT: result 1 []: 30{{$}}
// CHECK-NEXT: result 2 []: 3{{$}}
