// Two neighbours are read as one matrix, without a copy.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.parameter @first at 0 : tensor<1x2xf32>
mblm.parameter @second at 2 : tensor<2x2xf32>
func.func @example() -> tensor<3x2xf32> {
  %both = mblm.load [@first, @second] : tensor<3x2xf32>
  return %both : tensor<3x2xf32>
}
// CHECK: result 0 [3, 2]: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: parameters: 1 2 3 4 5 6{{$}}
// CHECK-NEXT: gradients: 1 1 1 1 1 1{{$}}
