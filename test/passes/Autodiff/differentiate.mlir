// RUN: mblm-opt %s --mblm-differentiate | FileCheck %s
// RUN: mblm-opt %s --mblm-differentiate --canonicalize --cse | FileCheck %s --check-prefix=CSE
// RUN: mblm-opt %s --mblm-differentiate="recompute=false" | FileCheck %s --check-prefix=KEEP
// RUN: mblm-opt %s --mblm-differentiate --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s --check-prefix=LOC
// RUN: mblm-opt %s --mblm-differentiate --verify-roundtrip -o /dev/null

module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @table at 0 : tensor<5x4xf32>
  mblm.parameter @gain at 32 : tensor<4xf32>
  mblm.parameter @weight at 48 : tensor<4x4xf32>

  // @loss stands as it was.
  // CHECK-LABEL: func @loss
  // CHECK-NOT: grad

  // The table is read by the lookup, and by the head: its gradient is the sum of both. The normalised rows, the shifted rows
  // and the embedding are computed again; the residual sum and the logits are kept.
  //
  // CHECK-LABEL: func @gradients
  //  CHECK-SAME:   (%[[IDS:.*]]: tensor<?x?xi32>, %[[MASK:.*]]: tensor<?x?xf32>, %[[SCALE:.*]]: tensor<f32>) ->
  //       CHECK:   %[[TABLE:.*]] = mblm.load [@table]
  //       CHECK:   %[[GAIN:.*]] = mblm.load [@gain]
  //       CHECK:   %[[WEIGHT:.*]] = mblm.load [@weight]
  //       CHECK:   %[[SUM:.*]] = mblm.add
  //       CHECK:   %[[LOGITS:.*]] = mblm.linear %[[SUM]], %[[TABLE]]
  //       CHECK:   %[[TOKENS:.*]], %[[LSE:.*]] = mblm.cross_entropy %[[LOGITS]], %[[IDS]]
  //       CHECK:   %[[LOSS:.*]], %[[TOTAL:.*]], %[[COUNT:.*]] = mblm.mean_loss
  //       CHECK:   %[[DTOKENS:.*]] = mblm.mean_loss_grad %[[SCALE]], %[[COUNT]], %[[MASK]]
  //       CHECK:   %[[DLOGITS:.*]] = mblm.cross_entropy_grad %[[DTOKENS]], %[[LOGITS]], %[[LSE]], %[[IDS]]
  //       CHECK:   %[[DSUM:.*]] = mblm.linear %[[DLOGITS]], %[[TABLE]] {transposed}
  //       CHECK:   %[[DHEAD:.*]] = mblm.weight_grad %[[DLOGITS]], %[[SUM]]
  //       CHECK:   %[[DNORM:.*]] = mblm.linear %[[DSUM]], %[[WEIGHT]] {transposed}
  //       CHECK:   %[[EMBED2:.*]] = mblm.embed %[[IDS]], %[[TABLE]] {mblm.recompute, skip = 0 : i64}
  //       CHECK:   %[[SHIFT2:.*]] = mblm.token_shift %[[EMBED2]] {mblm.recompute}
  //       CHECK:   %[[NORM2:.*]] = mblm.norm rms_clamp %[[SHIFT2]], %[[GAIN]] {eps = 1.000000e-08 : f64, mblm.recompute}
  //       CHECK:   %[[DWEIGHT:.*]] = mblm.weight_grad %[[DSUM]], %[[NORM2]]
  //  CHECK-NEXT:   mblm.gradient [@weight], %[[DWEIGHT]]
  //       CHECK:   %[[DSHIFT:.*]], %[[DGAIN:.*]] = mblm.norm_grad rms_clamp %[[DNORM]], %[[SHIFT2]], %[[GAIN]]
  //  CHECK-NEXT:   mblm.gradient [@gain], %[[DGAIN]]
  //  CHECK-NEXT:   %[[BACK:.*]] = mblm.token_shift %[[DSHIFT]] {reverse}
  //  CHECK-NEXT:   %[[DEMBED:.*]] = mblm.add %[[DSUM]], %[[BACK]]
  //  CHECK-NEXT:   %[[DLOOKUP:.*]] = mblm.embed_grad %[[IDS]], %[[DEMBED]] {skip = 0 : i64}
  //  CHECK-NEXT:   %[[DTABLE:.*]] = mblm.add %[[DHEAD]], %[[DLOOKUP]]
  //  CHECK-NEXT:   mblm.gradient [@table], %[[DTABLE]]
  //  CHECK-NEXT:   return %[[LOSS]], %[[TOTAL]], %[[COUNT]]

  // The same, and the update behind it.
  //
  // CHECK-LABEL: func @train_step
  //  CHECK-SAME:   %[[HYPER:[^:]*]]: tensor<8xf32>, %[[DECAY:[^:]*]]: tensor<3xf32>)
  //       CHECK:   %[[LOSS:.*]], %[[TOTAL:.*]], %[[COUNT:.*]] = mblm.mean_loss
  //       CHECK:   mblm.gradient [@table]
  //  CHECK-NEXT:   %[[NORM:.*]] = mblm.update %[[HYPER]], %[[DECAY]]
  //  CHECK-NEXT:   return %[[LOSS]], %[[TOTAL]], %[[COUNT]], %[[NORM]]

  // Joining equal ops does not undo the recomputation.
  //
  // CSE-LABEL: func @gradients
  //       CSE:   mblm.mean_loss_grad
  //       CSE:   mblm.embed
  //       CSE:   mblm.norm

  // KEEP-LABEL: func @gradients
  //       KEEP:   %[[SHIFT:.*]] = mblm.token_shift
  //       KEEP:   %[[NORM:.*]] = mblm.norm rms_clamp
  //       KEEP:   mblm.mean_loss_grad
  //   KEEP-NOT:   recompute
  //       KEEP:   mblm.weight_grad %{{.*}}, %[[NORM]]
  //       KEEP:   mblm.norm_grad rms_clamp %{{.*}}, %[[SHIFT]]

  // LOC-LABEL: func @gradients
  //       LOC:   mblm.norm {{.*}}recompute{{.*}} loc("/norm/recompute"
  //       LOC:   mblm.norm_grad {{.*}} loc("/norm/grad"
  func.func @loss(%ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
    %table = mblm.load [@table] : tensor<5x4xf32>
    %x = mblm.embed %ids, %table {skip = 0 : i64} : tensor<?x?xi32>, tensor<5x4xf32> -> tensor<?x?x4xf32>
    %shifted = mblm.token_shift %x : tensor<?x?x4xf32>
    %gain = mblm.load [@gain] : tensor<4xf32>
    %normed = mblm.norm rms_clamp %shifted, %gain {eps = 1.0e-8 : f64} : tensor<?x?x4xf32>, tensor<4xf32> -> tensor<?x?x4xf32> loc("/norm")
    %weight = mblm.load [@weight] : tensor<4x4xf32>
    %y = mblm.linear %normed, %weight : tensor<?x?x4xf32>, tensor<4x4xf32> -> tensor<?x?x4xf32>
    %sum = mblm.add %x, %y : tensor<?x?x4xf32>
    %logits = mblm.linear %sum, %table : tensor<?x?x4xf32>, tensor<5x4xf32> -> tensor<?x?x5xf32>
    %tokens, %lse = mblm.cross_entropy %logits, %ids : tensor<?x?x5xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    %loss, %total, %count = mblm.mean_loss targets %tokens, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    return %loss, %total, %count : tensor<f32>, tensor<f32>, tensor<f32>
  }
}
