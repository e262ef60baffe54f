// Gradients of the input for gradients 14 to 17 of the results.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
mblm.parameter @bc at 4 : tensor<2x2xf32>
mblm.parameter @dt at 8 : tensor<2x1xf32>
mblm.parameter @bias at 10 : tensor<1xf32>
mblm.parameter @a at 11 : tensor<1xf32>
mblm.parameter @skip at 12 : tensor<1xf32>
mblm.parameter @grad at 13 : tensor<2x2xf32>
func.func @example() -> tensor<1x2x2xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %bc = kernel.weight [@bc] at 4 : tensor<1x2x2xf32>
  %dt = kernel.weight [@dt] at 8 : tensor<1x2x1xf32>
  %bias = kernel.weight [@bias] at 10 : tensor<1xf32>
  %a = kernel.weight [@a] at 11 : tensor<1xf32>
  %skip = kernel.weight [@skip] at 12 : tensor<1xf32>
  %grad = kernel.weight [@grad] at 13 : tensor<1x2x2xf32>
  %dx, %ddt, %db, %dc, %da, %dbias, %dskip = kernel.ssd_grad <1 x 2> %grad, %x, %dt, %bc, %bc at [0, 0, 0, 1] bias %bias a %a
    skip %skip {heads = 1 : i64, head_dim = 2 : i64, groups = 1 : i64, states = 1 : i64, chunk = 8 : i64, dt_min = 0.0 : f64, dt_max = 1.0 : f64}
    : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>)
    -> (tensor<1x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>,
        tensor<1x1x1xf32>)
  return %dx : tensor<1x2x2xf32>
}
// CHECK: output: 602 645 1104 1173{{$}}
