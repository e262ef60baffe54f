// What models that run as a whole only are made of: a prefix apart from the positions behind it, and keys that are not seen.
// RUN: mblm-opt %s --split-input-file --mblm-convert-to-kernel | FileCheck %s
// RUN: mblm-opt %s --split-input-file --mblm-convert-to-kernel="fuse=false" | FileCheck %s

// Positions behind the first three are rows that are read three further on; put behind them again, each row is of the last part that has
// begun. Of a half-split rotation of heads of six of which four are rotated, segments are two wide, and the third one passes.
//
// CHECK-LABEL: func @prefix
//       CHECK:   %[[ANGLES:.*]] = kernel.rope_table <1 x M + -3> half_split 4 base 1.000000e+04 from 3 : tensor<?x4xf32>
//       CHECK:   kernel.rows <B x 3> columns 6 in 1 x 6(
//       CHECK:   kernel.rows <B x M + -3> columns 6 in 1 x 6(
//       CHECK:     arith.constant 3 : index
//       CHECK:   kernel.rows <B x M + -3> columns 6 in 3 x 2(%{{.*}}, %[[ANGLES]])
//       CHECK:     arith.remui
//       CHECK:     arith.cmpi sge
//       CHECK:     arith.cmpi sge
//       CHECK:     arith.select
//       CHECK:     kernel.yield
//       CHECK:   kernel.rows <B x M> columns 6 in 1 x 6(
//       CHECK:     kernel.load %{{.*}} or_zero
//       CHECK:     kernel.load %{{.*}} or_zero
//       CHECK:     arith.cmpi sge
//       CHECK:     arith.select
//       CHECK:   %[[RANGES:.*]] = kernel.integers <B x 1>(%{{.*}}) into <B x 2*M + -6>
//       CHECK:     scf.for
// CHECK-COUNT-2:       kernel.set_id
//       CHECK:   kernel.ranged_attention <B x M + -3> %{{.*}}, %{{.*}}, %{{.*}} of <B x M> in %[[RANGES]]
module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @table at 0 : tensor<7x6xf32>
  func.func @prefix(%ids: tensor<?x?xi32>) -> tensor<?x?x6xf32> {
    %table = mblm.load [@table] : tensor<7x6xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<7x6xf32> -> tensor<?x?x6xf32>
    %prefix, %latents = mblm.split %x {positions} : tensor<?x?x6xf32> -> tensor<?x3x6xf32>, tensor<?x?x6xf32>
    %q = mblm.rope half_split %latents from 3 {rotated = 4} : tensor<?x?x6xf32>
    %all = mblm.concat %prefix, %q {positions} : tensor<?x3x6xf32>, tensor<?x?x6xf32> -> tensor<?x?x6xf32>
    %ranges = mblm.visible_bytes %ids {skip = 3} : tensor<?x?xi32> -> tensor<?x?xi32>
    %y, %lse = mblm.ranged_attention %q, %all, %all in %ranges {heads = 1, kv_heads = 1, scale = 0.5 : f64}
      : tensor<?x?x6xf32>, tensor<?x?x6xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
    return %y : tensor<?x?x6xf32>
  }
}

// -----

// Of each position's bytes those that may be seen are counted; attention and its gradient are handed what is hidden.
//
// CHECK-LABEL: func @hidden
//  CHECK-SAME:   (%[[IDS:[a-z0-9]+]]: tensor<?x?xi32>, %[[VISIBLE:[a-z0-9]+]]: tensor<?x?xi32>)
//       CHECK:   %[[HIDDEN:.*]] = kernel.integers <B x M>(%[[VISIBLE]]) into <B x M> : (tensor<?x?xi32>) -> tensor<?x?xi32> {
//       CHECK:     scf.for
//       CHECK:       kernel.get_id
//       CHECK:       arith.addi
//       CHECK:     arith.cmpi slt
//       CHECK:     kernel.set_id
//       CHECK:   %[[Y:.*]], %[[LSE:.*]] = kernel.attention <B x M> %{{.*}} mask(full) hides %[[HIDDEN]] {
//       CHECK:   kernel.attention_grad <B x M> %{{.*}}, %[[Y]], %[[LSE]] at [0, 0, 0] mask(full) hides %[[HIDDEN]] {
module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @table at 0 : tensor<7x4xf32>
  func.func @hidden(%ids: tensor<?x?xi32>, %visible: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
    %table = mblm.load [@table] : tensor<7x4xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<7x4xf32> -> tensor<?x?x4xf32>
    %h = mblm.hidden_keys %visible {bytes = 1, all} : tensor<?x?xi32> -> tensor<?x?xi32>
    %y, %lse = mblm.attention %x, %x, %x mask(full) hides %h {heads = 2, scale = 0.5 : f64}
      : tensor<?x?x4xf32>, tensor<?x?x2xf32>, tensor<?x?xi32>
    %d:3 = mblm.attention_grad %x, %x, %x, %x, %y, %lse mask(full) hides %h {heads = 2, scale = 0.5 : f64}
      : tensor<?x?x4xf32>, tensor<?x?x2xf32>, tensor<?x?xi32>
    return %d#0 : tensor<?x?x4xf32>
  }
}
