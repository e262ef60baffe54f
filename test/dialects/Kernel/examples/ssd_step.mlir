// One head with one state, S = exp(softplus(2) * -e) * 1 + softplus(2) * 1 * 1; the result is S * 1 + 1 * 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<1x1xf32>
mblm.state @s at [0, 0, 0, 0] : tensor<?x1x1xf32>
func.func @example() -> tensor<1x1x1xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x1x1xf32>
  %one = kernel.weight [@x] at 0 : tensor<1xf32>
  %s = kernel.state @s at [0, 0, 0, 0] <1 x 1> : tensor<1x1x1xf32>
  %y = kernel.ssd_step <1 x 1> %s, %x, %x, %x, %x a %one skip %one bias %one heads 1 groups 1 {dt_max = 9.0 : f64, dt_min = 0.0 : f64}
      : (tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1xf32>, tensor<1xf32>,
         tensor<1xf32>) -> tensor<1x1x1xf32>
  return %y : tensor<1x1x1xf32>
}
// CHECK: output: 3.13{{$}}
// CHECK-NEXT: state: 2.13 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16{{$}}
