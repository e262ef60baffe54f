// With delta = 1 and a_log = 1: h = exp(softplus(1) * -e) * 1 + softplus(1) * 1 * 1, the result h * 1 + 1 * 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.state @h at [0, 0, 0, 0] : tensor<?x1x1xf32>
func.func @example(%x: tensor<1x1x1xf32>, %a: tensor<1x1xf32>, %skip: tensor<1xf32>) -> tensor<1x1x1xf32> {
  %s = mblm.get_state @h : tensor<?x1x1xf32>
  %y = mblm.selective_scan_step %s, %x, %x a %a b %x c %x skip %skip
    : tensor<?x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1xf32>, tensor<1x1x1xf32>, tensor<1xf32>
  return %y : tensor<1x1x1xf32>
}
// CHECK: result 0 [1, 1, 1]: 2.3414{{$}}
// CHECK-NEXT: state: 1.3414{{$}}
