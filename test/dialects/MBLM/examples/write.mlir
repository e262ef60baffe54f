// Positions 1, 2 and 3 into a ring of two: 2 and 3 stay, 3 in row 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.state @tail at [0, 0, 0, 0] : tensor<?x2x1xf32>
func.func @example(%x: tensor<1x3x1xf32>) {
  %s = mblm.get_state @tail : tensor<?x2x1xf32>
  %double = mblm.add %x, %x : tensor<1x3x1xf32>
  mblm.write %s, %double from 0 : tensor<?x2x1xf32>, tensor<1x3x1xf32>
  return
}
// CHECK: state: 4 6{{$}}
