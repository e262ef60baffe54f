// Slot P - 1 = 0 of a patch of three, then all of them.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.state @slots at [0, 0, 0, 0] : tensor<?x3x2xf32>
func.func @example() -> (tensor<?x1x2xf32>, tensor<?x3x2xf32>) {
  %s = mblm.get_state @slots : tensor<?x3x2xf32>
  %one = mblm.read %s from -1 : tensor<?x3x2xf32> -> tensor<?x1x2xf32>
  %all = mblm.read %s : tensor<?x3x2xf32> -> tensor<?x3x2xf32>
  return %one, %all : tensor<?x1x2xf32>, tensor<?x3x2xf32>
}
// CHECK: result 0 [1, 1, 2]: 1 2{{$}}
// CHECK-NEXT: result 1 [1, 3, 2]: 1 2 3 4 5 6{{$}}
