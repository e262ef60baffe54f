// The gradient of running sums is sums from the end, here for gradients 7 to 12.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<3x2xf32>
mblm.parameter @grad at 6 : tensor<3x2xf32>
func.func @example() -> tensor<1x3x2xf32> {
  %x = kernel.weight [@x] at 0 : tensor<1x3x2xf32>
  %grad = kernel.weight [@grad] at 6 : tensor<1x3x2xf32>
  %d = kernel.prefix_grad <1 x 3> (%grad) states(%x) inputs(%x)
      : (tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>) -> tensor<1x3x2xf32> {
  ^bb0(%left: f32, %right: f32, %g: f32):
    kernel.yield %g, %g : f32, f32
  }
  return %d : tensor<1x3x2xf32>
}
// CHECK: output: 27 30 20 22 11 12{{$}}
