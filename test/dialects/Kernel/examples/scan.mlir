// One channel with one state over two positions: a_log is 1, delta 2 and 3, the input 4 and 5, b 6 and 7, c 8 and 9,
// skip 10, the gate 11 and 12.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @all at 0 : tensor<16xf32>
func.func @example() -> tensor<1x2x1xf32> {
  %a = kernel.weight [@all] at 0 : tensor<1x1xf32>
  %delta = kernel.weight [@all] at 1 : tensor<1x2x1xf32>
  %x = kernel.weight [@all] at 3 : tensor<1x2x1xf32>
  %b = kernel.weight [@all] at 5 : tensor<1x2x1xf32>
  %c = kernel.weight [@all] at 7 : tensor<1x2x1xf32>
  %skip = kernel.weight [@all] at 9 : tensor<1xf32>
  %gate = kernel.weight [@all] at 10 : tensor<1x2x1xf32>
  %y = kernel.scan <1 x 2> channels 1 %x, %delta, %b, %c a %a skip %skip gate %gate at [0, 0, 0, 0, 0]
      : (tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<1x1xf32>, tensor<1xf32>,
         tensor<1x2x1xf32>) -> tensor<1x2x1xf32>
  return %y : tensor<1x2x1xf32>
}
// CHECK: output: 4932 12125{{$}}
