// Sizes as forms of B and M, one remark an op.
// RUN: mblm-opt %s --split-input-file --mblm-print-shapes --verify-diagnostics

// Three stages: patches of 4 slots, each of 2 bytes; 8 bytes make an outermost slot.
module attributes {mblm.inner = 8 : i64} {
  func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x3xf32>, %s: tensor<24xf32>, %mask: tensor<?x?xf32>) {
    // expected-remark@+1 {{[B, M, 24]}}
    %0 = mblm.embed %ids, %table {bytes = 8} : tensor<?x?xi32>, tensor<257x3xf32> -> tensor<?x?x24xf32>
    // expected-remark@+1 {{[B, M + 1, 24]}}
    %1 = mblm.start_token %0, %s : tensor<?x?x24xf32>, tensor<24xf32> -> tensor<?x?x24xf32>
    // expected-remark@+1 {{[B, M + 1, 24], [B, M + 1, 2]}}
    %2:2 = mblm.attention %1, %1, %1 mask(causal) {heads = 2, scale = 0.5 : f64}
      : tensor<?x?x24xf32>, tensor<?x?x2xf32>
    // expected-remark@+1 {{[B, M, 24]}}
    %3 = mblm.slice %2#0 {after = 1} : tensor<?x?x24xf32> -> tensor<?x?x24xf32>
    // expected-remark@+1 {{[B*M, 4, 6]}}
    %4 = mblm.regroup %3 : tensor<?x?x24xf32> -> tensor<?x4x6xf32>
    // expected-remark@+1 {{[4*B*M, 2, 3]}}
    %5 = mblm.regroup %4 : tensor<?x4x6xf32> -> tensor<?x2x3xf32>
    // expected-remark@+1 {{[4*B*M, 3, 3]}}
    %6 = mblm.pad %5 {before = 1} : tensor<?x2x3xf32> -> tensor<?x3x3xf32>
    // expected-remark@+1 {{[B, 8*M, 3]}}
    %7 = mblm.next_byte %6 : tensor<?x3x3xf32> -> tensor<?x?x3xf32>
    // expected-remark@+1 {{[B, 8*M], [B, 8*M]}}
    %8:2 = mblm.cross_entropy %7, %ids : tensor<?x?x3xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
    // expected-remark@+1 {{[], [], []}}
    %9:3 = mblm.mean_loss nonzero %8#0, %mask, %ids : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>
    // expected-remark@+1 {{[257, 3]}}
    %10 = mblm.embed_grad %ids, %7 : tensor<?x?xi32>, tensor<?x?x3xf32> -> tensor<257x3xf32>
    return
  }
}

// -----

// Two bytes an outermost slot do not make whole patches of four.
module attributes {mblm.inner = 2 : i64} {
  func.func @no_form(%ids: tensor<?x?xi32>) -> tensor<?x4xi32> {
    // expected-error@+1 {{'mblm.regroup' op expects sizes that are forms of B and M, but got operands [B, 2*M]}}
    %0 = mblm.regroup %ids : tensor<?x?xi32> -> tensor<?x4xi32>
    return %0 : tensor<?x4xi32>
  }
}

// -----

func.func @other_type(%ids: tensor<?x?xi32>, %table: tensor<257x3xf32>) -> tensor<?x8x3xf32> {
  // expected-error@+1 {{'mblm.embed' op expects result 0 to have shape [B, M, 3], but got 'tensor<?x8x3xf32>'}}
  %0 = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x3xf32> -> tensor<?x8x3xf32>
  return %0 : tensor<?x8x3xf32>
}

// -----

// expected-error@+1 {{'func.func' op expects argument 0 to be static or per byte (rank 2), but got 'tensor<?x4x3xf32>'}}
func.func @unknown_argument(%x: tensor<?x4x3xf32>) {
  return
}

// -----

func.func @no_interface(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{'math.absf' op expects an op that knows its symbolic shape, or static results, but got 'tensor<?x?xf32>'}}
  %0 = math.absf %x : tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
