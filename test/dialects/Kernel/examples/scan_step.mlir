// One channel with one state, h = exp(softplus(1) * -e) * 1 + softplus(1) * 1 * 1; the result is h * 1 + 1 * 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<1x1xf32>
mblm.state @h at [0, 0, 0, 0] : tensor<?x1x1xf32>
func.func @example() -> tensor<1x1x1xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x1x1xf32>
  %a = kernel.weight [@x] at 0 : tensor<1x1xf32>
  %one = kernel.weight [@x] at 0 : tensor<1xf32>
  %h = kernel.state @h at [0, 0, 0, 0] <1 x 1> : tensor<1x1x1xf32>
  %y = kernel.scan_step <1 x 1> %h, %x, %x, %x, %x a %a skip %one
      : (tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1xf32>, tensor<1xf32>)
      -> tensor<1x1x1xf32>
  return %y : tensor<1x1x1xf32>
}
// CHECK: output: 2.3414{{$}}
// CHECK-NEXT: state: 1.3414 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16{{$}}
