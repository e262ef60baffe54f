// Gradients of the example of `kernel.scan`, for gradients 13 and 14 of its results: the input's, and those of a_log and skip.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @a at 0 : tensor<1x1xf32>
mblm.parameter @rest at 1 : tensor<15xf32>
func.func @example() -> tensor<1x2x1xf32> {
  %a = kernel.weight [@a] at 0 : tensor<1x1xf32>
  %delta = kernel.weight [@rest] at 1 : tensor<1x2x1xf32>
  %x = kernel.weight [@rest] at 3 : tensor<1x2x1xf32>
  %b = kernel.weight [@rest] at 5 : tensor<1x2x1xf32>
  %c = kernel.weight [@rest] at 7 : tensor<1x2x1xf32>
  %skip = kernel.weight [@rest] at 9 : tensor<1xf32>
  %gate = kernel.weight [@rest] at 10 : tensor<1x2x1xf32>
  %grad = kernel.weight [@rest] at 12 : tensor<1x2x1xf32>
  %dx, %ddelta, %db, %dc, %da, %dskip, %parts, %dgate = kernel.scan_grad <1 x 2> channels 1
      %grad, %x, %delta, %b, %c a %a skip %skip gate %gate at [0, 0, 0, 0, 0]
      : (tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x1xf32>,
         tensor<1xf32>, tensor<1x2x1xf32>)
      -> (tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<16x1x1xf32>,
          tensor<16x1x1xf32>, tensor<1x2x2xf32>, tensor<1x2x1xf32>)
  kernel.reduce <16 x 1> %da sums <0 x 1> into [@a] at 0 : tensor<16x1x1xf32>
  kernel.reduce <16 x 1> %dskip sums <0 x 1> into [@rest] at 9 : tensor<16x1x1xf32>
  return %dx : tensor<1x2x1xf32>
}
// CHECK: output: 16034 33946{{$}}
// CHECK-NEXT: gradients: -160.04 1 1 1 1 1 1 1 1 1413 1 1 1 1 1 1{{$}}
