// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @token_shift_c1(%x: tensor<?x8x4xf32>) {
  // expected-error@+1 {{'mblm.token_shift' op requires the same type for all operands and results}}
  %0 = "mblm.token_shift"(%x) : (tensor<?x8x4xf32>) -> tensor<?x7x4xf32>
  return
}

// -----

func.func @rope_c1(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.rope' op expects 'heads' to divide dim(input, 2) (6), but got 4 (remainder 2)}}
  %0 = mblm.rope half_split %x {heads = 4} : tensor<?x8x6xf32>
  return
}

// -----

func.func @rope_c1_none(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.rope' op expects 'heads' to be at least 1, but got 0}}
  %0 = mblm.rope half_split %x {heads = 0} : tensor<?x8x6xf32>
  return
}

// -----

func.func @rope_c1_odd(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.rope' op expects the width of a head to be even, but got 3}}
  %0 = mblm.rope interleaved %x {heads = 2} : tensor<?x8x6xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.rope' op expects 'base' to be positive and finite, but got 0}}
  %0 = mblm.rope half_split %x {base = 0.0 : f64} : tensor<?x8x6xf32>
  return
}

// -----

func.func @rope_c3(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.rope' op expects 'rotated' to be even and at most the width of a head, with pairing 'half_split', but got 8 with 'half_split'}}
  %0 = mblm.rope half_split %x {rotated = 8} : tensor<?x8x6xf32>
  return
}

// -----

func.func @rope_c3_odd(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.rope' op expects 'rotated' to be even and at most the width of a head, with pairing 'half_split', but got 3 with 'half_split'}}
  %0 = mblm.rope half_split %x {rotated = 3} : tensor<?x8x6xf32>
  return
}

// -----

func.func @rope_c3_interleaved(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.rope' op expects 'rotated' to be even and at most the width of a head, with pairing 'half_split', but got 2 with 'interleaved'}}
  %0 = mblm.rope interleaved %x {rotated = 2} : tensor<?x8x6xf32>
  return
}

// -----

func.func @hidden_keys_c1(%visible: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.hidden_keys' op expects 'bytes' to be at least 1, but got 0}}
  %0 = mblm.hidden_keys %visible {bytes = 0} : tensor<?x8xi32> -> tensor<?x8xi32>
  return
}

// -----

func.func @hidden_keys_c2(%visible: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.hidden_keys' op expects dimension 1 of 'visible' to be dim(result, 1) * bytes (6), but got 8}}
  %0 = mblm.hidden_keys %visible {bytes = 2} : tensor<?x8xi32> -> tensor<?x3xi32>
  return
}

// -----

func.func @attention_c1(%q: tensor<?x8x6xf32>, %k: tensor<?x7x6xf32>) {
  // expected-error@+1 {{'mblm.attention' op failed to verify that all of {query, key, value, result} have same type}}
  %0:2 = "mblm.attention"(%q, %k, %k) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, heads = 2, scale = 1.0 : f64, mask = #mblm<mask_kind full>}
      : (tensor<?x8x6xf32>, tensor<?x7x6xf32>, tensor<?x7x6xf32>) -> (tensor<?x8x6xf32>, tensor<?x8x2xf32>)
  return
}

// -----

func.func @attention_c2(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.attention' op expects 'heads' to divide dim(query, 2) (6), but got 4 (remainder 2)}}
  %0:2 = mblm.attention %x, %x, %x mask(causal) {heads = 4, scale = 1.0 : f64} : tensor<?x8x6xf32>, tensor<?x8x4xf32>
  return
}

// -----

func.func @attention_c3(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.attention' op expects dimension 2 of 'lse' to be heads (2), but got 3}}
  %0:2 = mblm.attention %x, %x, %x mask(causal) {heads = 2, scale = 1.0 : f64} : tensor<?x8x6xf32>, tensor<?x8x3xf32>
  return
}

// -----

func.func @attention_c4(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.attention' op expects 'block' for mask 'block_causal' and only there, but got mask 'block_causal' without it}}
  %0:2 = mblm.attention %x, %x, %x mask(block_causal) {heads = 2, scale = 1.0 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}

// -----

func.func @attention_c4_causal(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.attention' op expects 'block' for mask 'block_causal' and only there, but got mask 'causal' with it}}
  %0:2 = mblm.attention %x, %x, %x mask(causal, 4) {heads = 2, scale = 1.0 : f64} : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}

// -----

func.func @attention_c4_empty(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.attention' op expects 'block' to be at least 1, but got 0}}
  %0:2 = mblm.attention %x, %x, %x mask(block_causal, 0) {heads = 2, scale = 1.0 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}

// -----

func.func @attention_c5(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.attention' op expects 'scale' to be finite, but got +Inf}}
  %0:2 = mblm.attention %x, %x, %x mask(causal) {heads = 2, scale = 0x7FF0000000000000 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}

// -----

func.func @attention_grad_c1(%q: tensor<?x8x6xf32>, %k: tensor<?x7x6xf32>, %lse: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.attention_grad' op failed to verify that all of {grad, query, key, value, result, queryGrad, keyGrad, valueGrad} have same type}}
  %0:3 = "mblm.attention_grad"(%q, %q, %k, %k, %q, %lse)
      {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0>, heads = 2, scale = 1.0 : f64, mask = #mblm<mask_kind full>}
      : (tensor<?x8x6xf32>, tensor<?x8x6xf32>, tensor<?x7x6xf32>, tensor<?x7x6xf32>, tensor<?x8x6xf32>,
        tensor<?x8x2xf32>)
      -> (tensor<?x8x6xf32>, tensor<?x7x6xf32>, tensor<?x7x6xf32>)
  return
}

// -----

func.func @attention_grad_c2(%x: tensor<?x8x6xf32>, %lse: tensor<?x8x4xf32>) {
  // expected-error@+1 {{'mblm.attention_grad' op expects 'heads' to divide dim(query, 2) (6), but got 4 (remainder 2)}}
  %0:3 = mblm.attention_grad %x, %x, %x, %x, %x, %lse mask(causal) {heads = 4, scale = 1.0 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x4xf32>
  return
}

// -----

func.func @attention_grad_c3(%x: tensor<?x8x6xf32>, %lse: tensor<?x8x3xf32>) {
  // expected-error@+1 {{'mblm.attention_grad' op expects dimension 2 of 'lse' to be heads (2), but got 3}}
  %0:3 = mblm.attention_grad %x, %x, %x, %x, %x, %lse mask(causal) {heads = 2, scale = 1.0 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x3xf32>
  return
}

// -----

func.func @attention_grad_c4(%x: tensor<?x8x6xf32>, %lse: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.attention_grad' op expects 'block' for mask 'block_causal' and only there, but got mask 'full' with it}}
  %0:3 = mblm.attention_grad %x, %x, %x, %x, %x, %lse mask(full, 4) {heads = 2, scale = 1.0 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}

// -----

func.func @attention_grad_c5(%x: tensor<?x8x6xf32>, %lse: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.attention_grad' op expects 'scale' to be finite, but got NaN}}
  %0:3 = mblm.attention_grad %x, %x, %x, %x, %x, %lse mask(causal) {heads = 2, scale = 0x7FF8000000000000 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}

// -----

func.func @attention_c7(%x: tensor<?x8x6xf32>, %hidden: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.attention' op expects 'hidden' with mask 'full' only, but got mask 'causal'}}
  %0:2 = mblm.attention %x, %x, %x mask(causal) hides %hidden {heads = 2, scale = 1.0 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>, tensor<?x8xi32>
  return
}

// -----

func.func @attention_c7_shape(%x: tensor<?x8x6xf32>, %hidden: tensor<?x7xi32>) {
  // expected-error@+1 {{'mblm.attention' op expects dimension 1 of 'hidden' to be dim(query, 1) (8), but got 7}}
  %0:2 = mblm.attention %x, %x, %x mask(full) hides %hidden {heads = 2, scale = 1.0 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>, tensor<?x7xi32>
  return
}

// -----

func.func @attention_grad_c7(%x: tensor<?x8x6xf32>, %lse: tensor<?x8x2xf32>, %hidden: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.attention_grad' op expects 'hidden' with mask 'full' only, but got mask 'causal'}}
  %0:3 = mblm.attention_grad %x, %x, %x, %x, %x, %lse mask(causal) hides %hidden {heads = 2, scale = 1.0 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>, tensor<?x8xi32>
  return
}
