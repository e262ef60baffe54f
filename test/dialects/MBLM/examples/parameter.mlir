// A matrix and a vector, one behind the other in the buffer.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.parameter @weight at 0 : tensor<2x2xf32>
mblm.parameter @bias at 4 : tensor<2xf32>
func.func @example(%x: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
  %w = mblm.load [@weight] : tensor<2x2xf32>
  %b = mblm.load [@bias] : tensor<2xf32>
  %y = mblm.linear %x, %w, %b : tensor<1x1x2xf32>, tensor<2x2xf32>, tensor<2xf32> -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// CHECK: argument 0 [1, 1, 2]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 1, 2]: 10 17{{$}}
// CHECK-NEXT: parameters: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: gradients: 1 1 1 1 1 1{{$}}
