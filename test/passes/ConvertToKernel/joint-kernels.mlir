// Ops that have one kernel together.
// RUN: mblm-opt %s --mblm-differentiate --canonicalize --cse --mblm-convert-to-kernel | FileCheck %s
// RUN: mblm-opt %s --mblm-differentiate --canonicalize --cse --mblm-convert-to-kernel="fuse=false" \
// RUN:   | FileCheck %s --check-prefix=SINGLE

// The loss needs no logits, nor does its gradient; attention and its gradient read and write query, key and value side by
// side.
//
// CHECK-LABEL: func @loss
//   CHECK-NOT:   tensor<?x?x7xf32>
//       CHECK:   %[[X:.*]] = kernel.rows <B x M> columns 12 in 1 x 12(
//       CHECK:   %[[Y:.*]], %[[LSE:.*]] = kernel.attention <B x M> %[[X]], %[[X]], %[[X]] at [0, 4, 8] rotated %{{.*}} mask(causal)
//       CHECK:   %[[LOSS:.*]], %{{.*}} = kernel.cross_entropy <B x M> depth 4 in 1 x 4 columns 7 targets %{{.*}} at 0(%[[Y]])
//       CHECK:   kernel.mean_loss <B x M> targets %[[LOSS]], %{{.*}}, %{{.*}} at 0

// CHECK-LABEL: func @gradients
//   CHECK-NOT:   tensor<?x?x7xf32>
//       CHECK:   %[[Y:.*]], %[[ALSE:.*]] = kernel.attention
//       CHECK:   %[[LOSS:.*]], %[[LSE:.*]] = kernel.cross_entropy
//       CHECK:   %[[MEAN:.*]], %{{.*}}, %[[COUNT:.*]] = kernel.mean_loss
//       CHECK:   %[[G:.*]] = kernel.rows <B x M> columns 1 in 1 x 1(%{{.*}}, %[[COUNT]], %{{.*}})
//       CHECK:   %[[DY:.*]], %[[DW:.*]], %{{.*}} = kernel.cross_entropy_grad {{.*}}(%[[Y]]) {{.*}} grad %[[G]] lse %[[LSE]]
//       CHECK:   kernel.reduce <16 x 1> %[[DW]] sums <0 x 1> into [@head] at 96 : tensor<16x1x28xf32>
//       CHECK:   %[[DX:.*]] = kernel.attention_grad <B x M> %[[DY]], {{.*}} at [0, 4, 8] rotated {{.*}} -> tensor<?x?x12xf32>
//       CHECK:   kernel.embed_grad <B x M> %{{.*}}, %[[DX]] depth 12 into [@table] at 0

// CHECK-LABEL: func @train_step
//       CHECK:   kernel.update

// SINGLE-LABEL: func @gradients
//       SINGLE:   kernel.attention
//       SINGLE:   %[[LOGITS:.*]] = kernel.gemm {{.*}} -> tensor<?x?x7xf32>
//       SINGLE:   %{{.*}}:2 = kernel.rows <B x M> columns 7 in 1 x 7(%[[LOGITS]], %{{.*}}) {{.*}} -> (tensor<?x?xf32>, tensor<?x?xf32>)
//       SINGLE:     kernel.row_max
//       SINGLE:   %[[DLOGITS:.*]] = kernel.rows <B x M> columns 7 in 1 x 7(%[[LOGITS]],
//       SINGLE:   kernel.pack_rows
//       SINGLE:   kernel.weight_gemm <B x M> %[[DLOGITS]], %{{.*}} columns 7 depth 4 into [@head] at 96
//       SINGLE:   kernel.attention_grad
//       SINGLE:   kernel.rows <B x M> columns 12 in 3 x 4(
//       SINGLE:   kernel.embed_grad
module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @table at 0 : tensor<7x12xf32>
  mblm.parameter @head at 96 : tensor<7x4xf32>
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %table = mblm.load [@table] : tensor<7x12xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<7x12xf32> -> tensor<?x?x12xf32>
    %q, %k, %v = mblm.split %x : tensor<?x?x12xf32> -> tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>
    %qr = mblm.rope half_split %q {heads = 2} : tensor<?x?x4xf32>
    %kr = mblm.rope half_split %k {heads = 2} : tensor<?x?x4xf32>
    %y, %lse = mblm.attention %qr, %kr, %v mask(causal) {heads = 2, scale = 0.5 : f64} : tensor<?x?x4xf32>, tensor<?x?x2xf32>
    %head = mblm.load [@head] : tensor<7x4xf32>
    %logits = mblm.linear %y, %head : tensor<?x?x4xf32>, tensor<7x4xf32> -> tensor<?x?x7xf32>
    %tokens, %tlse = mblm.cross_entropy %logits, %ids : tensor<?x?x7xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %sum, %count = mblm.mean_loss targets %tokens, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
}
