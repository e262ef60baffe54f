// Graphs that leak, and the op that gets the blame.
// RUN: mblm-opt %s --split-input-file --mblm-check-causality --verify-diagnostics

// A full mask over all patches.
module attributes {mblm.inner = 4 : i64} {
  func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?x2xf32> {
    %p = mblm.embed %ids, %table {bytes = 4} : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x8xf32>
    // expected-error@+1 {{'mblm.attention' op expects row 0 of its result to see bytes up to the end of its own slot (3), but it sees every byte}}
    %g:2 = mblm.attention %p, %p, %p mask(full) {heads = 2, scale = 0.5 : f64} : tensor<?x?x8xf32>, tensor<?x?x2xf32>
    %c = mblm.regroup %g#0 : tensor<?x?x8xf32> -> tensor<?x?x2xf32>
    // expected-note@+1 {{row 0 of the logits may depend on bytes before 1, but depends on every byte}}
    return %c : tensor<?x?x2xf32>
  }
}

// -----

// A full mask in patches of a fixed size sees to the patch's end.
module attributes {mblm.inner = 4 : i64} {
  func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?x2xf32> {
    %b = mblm.regroup %ids : tensor<?x?xi32> -> tensor<?x4xi32>
    %x = mblm.embed %b, %table : tensor<?x4xi32>, tensor<257x2xf32> -> tensor<?x4x2xf32>
    // expected-error@+1 {{'mblm.attention' op expects row 0 of its result to see bytes up to the end of its own slot (0), but it sees byte 3}}
    %y:2 = mblm.attention %x, %x, %x mask(full) {heads = 1, scale = 0.5 : f64} : tensor<?x4x2xf32>, tensor<?x4x1xf32>
    %z = mblm.regroup %y#0 : tensor<?x4x2xf32> -> tensor<?x?x2xf32>
    // expected-note@+1 {{row 0 of the logits may depend on bytes before 1, but depends on byte 3}}
    return %z : tensor<?x?x2xf32>
  }
}

// -----

// No start vector ahead of the patches and no slice behind them: patch q gets its own bytes as its context.
module attributes {mblm.inner = 4 : i64} {
  func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?x2xf32> {
    %p = mblm.embed %ids, %table {bytes = 4} : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x8xf32>
    // expected-error@+1 {{'mblm.regroup' op expects row 0 of its result to see bytes up to the end of its own slot (0), but it sees byte 3}}
    %c = mblm.regroup %p : tensor<?x?x8xf32> -> tensor<?x4x2xf32>
    %z = mblm.regroup %c : tensor<?x4x2xf32> -> tensor<?x?x2xf32>
    // expected-note@+1 {{row 0 of the logits may depend on bytes before 1, but depends on byte 3}}
    return %z : tensor<?x?x2xf32>
  }
}

// -----

// The wrong end cut off before the patches are opened.
module attributes {mblm.inner = 4 : i64} {
  func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>, %s: tensor<8xf32>) -> tensor<?x?x2xf32> {
    %p = mblm.embed %ids, %table {bytes = 4} : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x8xf32>
    %p1 = mblm.start_token %p, %s : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
    %g = mblm.slice %p1 {before = 1} : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
    // expected-error@+1 {{'mblm.regroup' op expects row 0 of its result to see bytes up to the end of its own slot (0), but it sees byte 3}}
    %c = mblm.regroup %g : tensor<?x?x8xf32> -> tensor<?x?x2xf32>
    // expected-note@+1 {{row 0 of the logits may depend on bytes before 1, but depends on byte 3}}
    return %c : tensor<?x?x2xf32>
  }
}

// -----

// The token shift's adjoint looks ahead.
func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?x2xf32> {
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x2xf32>
  // expected-error@+1 {{'mblm.token_shift' op expects row 0 of its result to see bytes up to the end of its own slot (0), but it sees byte 1}}
  %y = mblm.token_shift %x {reverse} : tensor<?x?x2xf32>
  // expected-note@+1 {{row 0 of the logits may depend on bytes before 1, but depends on byte 1}}
  return %y : tensor<?x?x2xf32>
}

// -----

// Each row may see its own byte, but not predict it.
func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?x2xf32> {
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x2xf32>
  return %x : tensor<?x?x2xf32>
}
func.func @loss(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?xf32> {
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x2xf32>
  // expected-error@+1 {{'mblm.cross_entropy' op expects row 0 of the logits to depend on bytes before 0 only, but it depends on byte 0}}
  %loss, %lse = mblm.cross_entropy %x, %ids : tensor<?x?x2xf32>, tensor<?x?xi32> -> tensor<?x?xf32>
  return %loss : tensor<?x?xf32>
}

// -----

// expected-error@+1 {{expects a function @forward with byte ids as its first argument and logits as its result}}
module {
}

// -----

// The rows behind a prefix of 2 bytes begin at the third byte, not where the ranges that they are given begin.
func.func @forward(%ids: tensor<?x?xi32>, %table: tensor<257x2xf32>) -> tensor<?x?x2xf32> {
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<257x2xf32> -> tensor<?x?x2xf32>
  %p:2 = mblm.split %x {positions} : tensor<?x?x2xf32> -> tensor<?x2x2xf32>, tensor<?x?x2xf32>
  %seen = mblm.visible_bytes %ids {skip = 2} : tensor<?x?xi32> -> tensor<?x?xi32>
  // The latents alone as keys: key t is byte t + 2, and ranges end at t + 2 of them.
  // expected-error@+1 {{'mblm.ranged_attention' op expects row 0 of its result to see bytes up to the end of its own slot (2), but it sees byte 4}}
  %y, %lse = mblm.ranged_attention %p#1, %p#1, %p#1 in %seen {heads = 1, kv_heads = 1, scale = 1.0 : f64}
    : tensor<?x?x2xf32>, tensor<?x?x2xf32>, tensor<?x?xi32> -> tensor<?x?x1xf32>
  // expected-note@+1 {{row 0 of the logits may depend on bytes before 3, but depends on byte 4}}
  return %y : tensor<?x?x2xf32>
}
