// The start vector as a sequence of its own.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func @example(%start: tensor<2xf32>) -> tensor<1x1x2xf32> {
  %y = mblm.start %start : tensor<2xf32> -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// CHECK: argument 0 [2]: 1 2{{$}}
// CHECK-NEXT: result 0 [1, 1, 2]: 1 2{{$}}
