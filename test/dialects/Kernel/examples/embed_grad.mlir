// The bytes 0 1 2 3 0 1 2 3 have the gradients 1 to 8; byte 3 does not learn.
// RUN: mblm-opt %s --verify-roundtrip -o /dev/null
// RUN: mblm-run-kernel-example %s | FileCheck %s
module attributes {mblm.inner = 4 : i64} {
  mblm.parameter @x at 0 : tensor<8x1xf32>
  mblm.parameter @table at 8 : tensor<4x1xf32>
  func.func @example(%ids: tensor<?x?xi32>) {
    %x = kernel.weight [@x] at 0 : tensor<1x8x1xf32>
    kernel.embed_grad <B x 4*M> %ids, %x depth 1 skip 3 into [@table] at 8 : tensor<?x?xi32>, tensor<1x8x1xf32>
    return
  }
}
// CHECK: gradients: 1 1 1 1 1 1 1 1 7 9 11 1{{$}}
