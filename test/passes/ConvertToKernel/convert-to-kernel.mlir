// One anchor an op; what the numbers are, the examples of the dialects and the differential tests say.
// RUN: mblm-opt %s --split-input-file --mblm-convert-to-kernel | FileCheck %s
// RUN: mblm-opt %s --split-input-file --mblm-convert-to-kernel="fuse=false" | FileCheck %s --check-prefixes=CHECK,SINGLE

// A linear map is a gemm over its packed weight, the bias in its epilogue; several parameters make one weight.
//
// CHECK-LABEL: func @linear
//  CHECK-SAME:   (%[[IDS:.*]]: tensor<?x?xi32>)
//       CHECK:   %[[TABLE:.*]] = kernel.weight [@table] at 0 : tensor<7x4xf32>
//       CHECK:   %[[X:.*]] = kernel.rows <B x M> columns 4 in 1 x 4(%[[IDS]], %[[TABLE]])
//       CHECK:   %[[W:.*]] = kernel.weight [@q, @k] at 32 : tensor<6x4xf32>
//       CHECK:   %[[BIAS:.*]] = kernel.weight [@bias] at 64 : tensor<6xf32>
//       CHECK:   %[[PACKED:.*]] = kernel.pack %[[W]] : tensor<6x4xf32> -> tensor<1x4x32xf32>
//       CHECK:   %[[Y:.*]] = kernel.gemm <B x M> depth 4 in 1 x 4 columns 6 in 1 x 6(%[[X]]) packed %[[PACKED]] epilogue(%[[BIAS]])
//       CHECK:     arith.addf
//       CHECK:   %[[PACKED2:.*]] = kernel.pack %[[W]] {transposed} : tensor<6x4xf32> -> tensor<1x6x32xf32>
//       CHECK:   %[[Z:.*]] = kernel.gemm <B x M> depth 6 in 1 x 6 columns 4 in 1 x 4(%[[Y]]) packed %[[PACKED2]] epilogue()
//       CHECK:   return %[[Z]]
module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @table at 0 : tensor<7x4xf32>
  mblm.parameter @q at 32 : tensor<3x4xf32>
  mblm.parameter @k at 44 : tensor<3x4xf32>
  mblm.parameter @bias at 64 : tensor<6xf32>
  func.func @linear(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
    %table = mblm.load [@table] : tensor<7x4xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<7x4xf32> -> tensor<?x?x4xf32>
    %w = mblm.load [@q, @k] : tensor<6x4xf32>
    %b = mblm.load [@bias] : tensor<6xf32>
    %y = mblm.linear %x, %w, %b : tensor<?x?x4xf32>, tensor<6x4xf32>, tensor<6xf32> -> tensor<?x?x6xf32>
    %z = mblm.linear %y, %w {transposed} : tensor<?x?x6xf32>, tensor<6x4xf32> -> tensor<?x?x4xf32>
    return %z : tensor<?x?x4xf32>
  }
}

// -----

// Work on positions is a row program each: reductions, other positions (zero outside), segments where columns differ.
//
// CHECK-LABEL: func @positions
//       CHECK:   %[[X:.*]] = kernel.rows <B x M> columns 8 in 2 x 4(
//       CHECK:     kernel.load %{{.*}}[%{{.*}}, %{{.*}}] : tensor<?x?xi32> -> i32
//       CHECK:   %[[P:.*]] = kernel.view <B*M x 2> %[[X]] : tensor<?x?x8xf32> -> tensor<?x2x4xf32>
//       CHECK:   %[[N:.*]] = kernel.rows <B*M x 2> columns 4 in 1 x 4(%[[P]], %{{.*}})
//       CHECK:     kernel.row_sum
//       CHECK:     math.sqrt
//       CHECK:   %[[S:.*]] = kernel.rows <B*M x 2> columns 4 in 2 x 2(%[[N]])
//       CHECK:     kernel.load %{{.*}} or_zero
//       CHECK:   %[[A:.*]] = kernel.rows <B*M x 2> columns 4 in 1 x 4(%[[S]])
//       CHECK:     math.erf
//       CHECK:   %[[START:.*]] = kernel.rows <B*M x 3> columns 4 in 1 x 4(%[[A]], %{{.*}})
//       CHECK:     kernel.load %{{.*}} or_zero
//       CHECK:     arith.select
//       CHECK:   %[[ROWS:.*]] = kernel.rows <B x 2*M> columns 4 in 1 x 4(%[[START]])
//       CHECK:     kernel.slots
//       CHECK:   return %[[ROWS]]
module attributes {mblm.inner = 2 : i64} {
  mblm.parameter @table at 0 : tensor<7x4xf32>
  mblm.parameter @gain at 32 : tensor<4xf32>
  func.func @positions(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
    %table = mblm.load [@table] : tensor<7x4xf32>
    %gain = mblm.load [@gain] : tensor<4xf32>
    %x = mblm.embed %ids, %table {bytes = 2} : tensor<?x?xi32>, tensor<7x4xf32> -> tensor<?x?x8xf32>
    %p = mblm.regroup %x : tensor<?x?x8xf32> -> tensor<?x2x4xf32>
    %n = mblm.norm rms %p, %gain {eps = 1.0e-5 : f64} : tensor<?x2x4xf32>, tensor<4xf32> -> tensor<?x2x4xf32>
    %s = mblm.token_shift %n : tensor<?x2x4xf32>
    %a = mblm.activation gelu %s : tensor<?x2x4xf32>
    %t = mblm.start_token %a, %gain : tensor<?x2x4xf32>, tensor<4xf32> -> tensor<?x3x4xf32>
    %y = mblm.next_byte %t : tensor<?x3x4xf32> -> tensor<?x?x4xf32>
    return %y : tensor<?x?x4xf32>
  }
}

// -----

// Attention reads query, key and value where the product holds them, and rotates them itself: neither the split nor the
// rotations are left. Without joint kernels they are kernels of their own.
//
// CHECK-LABEL: func @attention
//       CHECK:   %[[TABLE:.*]] = kernel.rope_table <1 x M> half_split 2 base 1.000000e+04 : tensor<?x2xf32>
//       CHECK:   %[[X:.*]] = kernel.rows <B x M> columns 12 in 1 x 12(
//      SINGLE:   kernel.rows <B x M> columns 4 in 1 x 4(%[[X]])
//      SINGLE:   kernel.rows <B x M> columns 4 in 1 x 4(%[[X]])
//      SINGLE:   %[[V:.*]] = kernel.rows <B x M> columns 4 in 1 x 4(%[[X]])
//      SINGLE:   %[[Q:.*]] = kernel.rows <B x M> columns 4 in 4 x 1(%{{.*}}, %[[TABLE]])
//      SINGLE:   %[[K:.*]] = kernel.rows <B x M> columns 4 in 4 x 1(%{{.*}}, %[[TABLE]])
//      SINGLE:   kernel.attention <B x M> %[[Q]], %[[K]], %[[V]] at [0, 0, 0] mask(causal)
module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @table at 0 : tensor<7x12xf32>
  func.func @attention(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
    %table = mblm.load [@table] : tensor<7x12xf32>
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<7x12xf32> -> tensor<?x?x12xf32>
    %q, %k, %v = mblm.split %x : tensor<?x?x12xf32> -> tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>
    %qr = mblm.rope half_split %q {heads = 2} : tensor<?x?x4xf32>
    %kr = mblm.rope half_split %k {heads = 2} : tensor<?x?x4xf32>
    %y, %lse = mblm.attention %qr, %kr, %v mask(causal) {heads = 2, scale = 0.5 : f64} : tensor<?x?x4xf32>, tensor<?x?x2xf32>
    return %y : tensor<?x?x4xf32>
  }
}
