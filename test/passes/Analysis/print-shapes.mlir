// Sizes as forms of B, M and P, one remark an op.
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

// Patches that the data decides: P is the most that a sequence has of them, two vectors stand for each, and three bytes stand before
// the first.
func.func @patched(%ids: tensor<?x?xi32>, %lengths: tensor<?x?xi32> {mblm.per_patch}, %table: tensor<300x8xf32>, %w: tensor<16x8xf32>) {
  // expected-remark@+1 {{[B, M]}}
  %known = mblm.patch_starts space %ids : tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, M + 1]}}
  %starts = mblm.patch_starts space %ids {next} : tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, M + 1]}}
  %found = mblm.patch_lengths %starts : tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, M + 3]}}
  %led = mblm.lead %ids count 3 : tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, 3*M + 9]}}
  %rows = mblm.ngram_rows %led vocab 260 {sizes = array<i64: 3, 4>, functions = 1, rows = 20} : tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, M + 3, 8]}}
  %x = mblm.embed_bag %rows, %table bag 3 : tensor<?x?xi32>, tensor<300x8xf32> -> tensor<?x?x8xf32>
  // expected-remark@+1 {{[300, 8]}}
  %dtable = mblm.embed_bag_grad %rows, %x bag 3 : tensor<?x?xi32>, tensor<?x?x8xf32> -> tensor<300x8xf32>
  // expected-remark@+1 {{[B, 2*M + 6]}}
  %seen = mblm.visible_bytes %led window 4 : tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, 2*P]}}
  %spans = mblm.patch_bytes %lengths, %led {lead = 3} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, 2*M + 6]}}
  %owners = mblm.byte_patches %lengths, %led {lead = 3} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, P, 8]}}
  %pooled = mblm.pool max %x over %spans of %owners : tensor<?x?x8xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  // expected-remark@+1 {{[B, M + 3, 8]}}
  %dx = mblm.pool_grad max %pooled, %x, %pooled over %spans : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32>
  // expected-remark@+1 {{[B, P, 16]}}
  %wide = mblm.linear %pooled, %w : tensor<?x?x8xf32>, tensor<16x8xf32> -> tensor<?x?x16xf32>
  // expected-remark@+1 {{[B, 2*P, 8]}}
  %vectors = mblm.regroup %wide : tensor<?x?x16xf32> -> tensor<?x?x8xf32>
  // expected-remark@+1 {{[B, 4*P]}}
  %both = mblm.patch_bytes %lengths, %led {rows = 2, lead = 3} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, 2*P, 8], [B, 2*P, 2]}}
  %read, %lse = mblm.ranged_attention %vectors, %x, %x in %both {heads = 2, kv_heads = 2, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x2xf32>
  // expected-remark@+1 {{[B, 2*P, 8], [B, M + 3, 8], [B, M + 3, 8]}}
  %d:3 = mblm.ranged_attention_grad %vectors, %vectors, %x, %x, %read, %lse in %both {heads = 2, kv_heads = 2, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32>, tensor<?x?x2xf32>
  // expected-remark@+1 {{[B, 2*P]}}
  %earlier = mblm.visible_patches %led, %lengths end 2 {lead = 3} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  // expected-remark@+1 {{[B, M + 3, 8]}}
  %back = mblm.spread %pooled by %owners : tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  // expected-remark@+1 {{[B, M, 8]}}
  %own = mblm.slice %back {before = 3} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  // expected-remark@+1 {{[B, M]}}
  %h = mblm.entropy %own : tensor<?x?x8xf32> -> tensor<?x?xf32>
  return
}

// -----

// Two numbers make a range, three bytes do not.
module attributes {mblm.inner = 3 : i64} {
  func.func @half_a_range(%ids: tensor<?x?xi32>, %table: tensor<9x8xf32>) {
    %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<9x8xf32> -> tensor<?x?x8xf32>
    // expected-error@+1 {{'mblm.pool' op expects sizes that are forms of B, M and P, but got operands [B, 3*M, 8], [B, 3*M]}}
    %y = mblm.pool sum %x over %ids : tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
    return
  }
}

// -----

// Two bytes an outermost slot do not make whole patches of four.
module attributes {mblm.inner = 2 : i64} {
  func.func @no_form(%ids: tensor<?x?xi32>) -> tensor<?x4xi32> {
    // expected-error@+1 {{'mblm.regroup' op expects sizes that are forms of B, M and P, but got operands [B, 2*M]}}
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
