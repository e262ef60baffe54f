// With dt + bias = 2: S = exp(softplus(2) * -e) * 1 + softplus(2) * 1 * 1, the result S * 1 + 1 * 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.state @s at [0, 0, 0, 0] : tensor<?x1x1xf32>
func.func @example(%x: tensor<1x1x1xf32>, %a: tensor<1xf32>) -> tensor<1x1x1xf32> {
  %s = mblm.get_state @s : tensor<?x1x1xf32>
  %y = mblm.ssd_step %s, %x, %x bias %a a %a b %x c %x skip %a
    : tensor<?x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1xf32>, tensor<1x1x1xf32>, tensor<1xf32>
  return %y : tensor<1x1x1xf32>
}
// CHECK: result 0 [1, 1, 1]: 3.13{{[0-9]*$}}
// CHECK-NEXT: state: 2.13{{[0-9]*$}}
