// A read sees what was written: the state is no copy.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.state @last at [0, 0, 0, 0] : tensor<?x1x2xf32>
func.func @example(%x: tensor<1x1x2xf32>) -> tensor<?x1x2xf32> {
  %s = mblm.get_state @last : tensor<?x1x2xf32>
  %more = mblm.add %x, %x : tensor<1x1x2xf32>
  mblm.write %s, %more from 0 : tensor<?x1x2xf32>, tensor<1x1x2xf32>
  %y = mblm.read %s from 0 : tensor<?x1x2xf32> -> tensor<?x1x2xf32>
  return %y : tensor<?x1x2xf32>
}
// CHECK: result 0 [1, 1, 2]: 2 4{{$}}
// CHECK-NEXT: state: 2 4{{$}}
