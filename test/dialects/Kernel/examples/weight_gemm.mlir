// Outer products of the rows (1, 2) and (3, 4) with themselves, on top of gradients of 1.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
mblm.parameter @x at 0 : tensor<2x2xf32>
func.func @example() {
  %x = kernel.weight [@x] at 0 : tensor<1x2x2xf32>
  %rows = kernel.pack_rows <1 x 2> columns 2 in 1 x 2(%x) : (tensor<1x2x2xf32>) -> tensor<1x1x256x32xf32> {
  ^bb0(%in: tensor<1x2x2xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<1x2x2xf32> -> f32
    kernel.yield %v : f32
  }
  kernel.weight_gemm <1 x 2> %x, %rows columns 2 depth 2 into [@x] at 0 : tensor<1x2x2xf32>, tensor<1x1x256x32xf32>
  return
}
// CHECK: gradients: 11 15 15 21{{$}}
