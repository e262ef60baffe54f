// Three outermost slots of one sequence each, doubled; however they are cut, they come back in their order.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
func.func private @twice(%x: tensor<?x2x2xf32> {mblm.per_slot = 1}) -> (tensor<?x2x2xf32> {mblm.per_slot = 1}) {
  %0 = mblm.add %x, %x : tensor<?x2x2xf32>
  return %0 : tensor<?x2x2xf32>
}
func.func @example(%x: tensor<3x2x2xf32>) -> tensor<?x2x2xf32> {
  %slots = mblm.regroup %x : tensor<3x2x2xf32> -> tensor<?x2x2xf32>
  %0 = mblm.pieces @twice(%slots) : (tensor<?x2x2xf32>) -> tensor<?x2x2xf32>
  return %0 : tensor<?x2x2xf32>
}
// CHECK: argument 0 [3, 2, 2]: 1 2 3 4 5 6 7 8 9 10 11 12{{$}}
// CHECK-NEXT: result 0 [3, 2, 2]: 2 4 6 8 10 12 14 16 18 20 22 24{{$}}
