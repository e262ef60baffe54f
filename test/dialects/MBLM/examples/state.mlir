// A ring of two positions; there are M = 2 of them. Position P = 1 stands in row 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.state @last at [0, 0, 0, 0] : tensor<?x?x2xf32>
func.func @example() -> tensor<?x1x2xf32> {
  %s = mblm.get_state @last : tensor<?x?x2xf32>
  %y = mblm.read %s from 0 : tensor<?x?x2xf32> -> tensor<?x1x2xf32>
  return %y : tensor<?x1x2xf32>
}
// CHECK: result 0 [1, 1, 2]: 3 4{{$}}
// CHECK-NEXT: state: 1 2 3 4{{$}}
