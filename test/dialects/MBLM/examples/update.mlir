// Gradients 1 and 1 have norm 1.4142 and are zero afterwards. The settings count 1 to 8, so this is AdamW with rate 1, decay 5
// and eps 4 at step 7: -4.002 = 1 - 5 * 1 - (-1 / (1 - 2^7)) / (sqrt(-2 / (1 - 3^7)) + 4).
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-example %s | FileCheck %s
mblm.parameter @bias at 0 : tensor<2xf32>
func.func @example(%hyper: tensor<8xf32>, %decay: tensor<1xf32>) -> tensor<f32> {
  %norm = mblm.update %hyper, %decay : tensor<8xf32>, tensor<1xf32>
  return %norm : tensor<f32>
}
// CHECK: argument 0 [8]: 1 2 3 4 5 6 7 8{{$}}
// CHECK-NEXT: argument 1 [1]: 1{{$}}
// CHECK-NEXT: result 0 []: 1.4142{{$}}
// CHECK-NEXT: parameters: -4.002 -8.002{{$}}
// CHECK-NEXT: gradients: 0 0{{$}}
