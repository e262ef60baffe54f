// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @ranged_attention_c1(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %v: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op failed to verify that all of {query, result} have same type}}
  %0:2 = "mblm.ranged_attention"(%q, %k, %v, %r) {heads = 4 : i64, kv_heads = 2 : i64, scale = 0.5 : f64}
      : (tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>) -> (tensor<2x8x6xf32>, tensor<2x8x4xf32>)
  return
}

// -----

func.func @ranged_attention_c1_value(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %v: tensor<2x6x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op failed to verify that all of {key, value} have same type}}
  %0:2 = "mblm.ranged_attention"(%q, %k, %v, %r) {heads = 4 : i64, kv_heads = 2 : i64, scale = 0.5 : f64}
      : (tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x6x6xf32>, tensor<2x16xi32>) -> (tensor<2x8x12xf32>, tensor<2x8x4xf32>)
  return
}

// -----

func.func @ranged_attention_c2(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'kv_heads' to be at least 1, but got 0}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 0, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_groups(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'kv_heads' to divide 'heads', and these dim(query, 2) (12), but got 3 and 4}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 3, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_heads(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'kv_heads' to divide 'heads', and these dim(query, 2) (12), but got 5 and 5}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 5, kv_heads = 5, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_key(%q: tensor<2x8x12xf32>, %k: tensor<2x5x12xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects dimension 2 of 'key' to be dim(query, 2) / heads * kv_heads * per_row (6), but got 12}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x12xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_rows(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects dimension 2 of 'key' to be dim(query, 2) / heads * kv_heads * per_row (18), but got 6}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64, per_row = 3} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_no_rows(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'per_row' to be at least 1, but got 0}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64, per_row = 0} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c3(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects dimension 2 of 'lse' to be heads (4), but got 2}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x2xf32>
  return
}

// -----

func.func @ranged_attention_c3_ranges(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x10xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects dimension 1 of 'ranges' to be 2 * dim(query, 1) (16), but got 10}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x10xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c4(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'scale' to be finite, but got +Inf}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0x7FF0000000000000 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c1(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %v: tensor<2x5x6xf32>, %y: tensor<2x8x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op failed to verify that all of {grad, query, result, queryGrad} have same type}}
  %0:3 = "mblm.ranged_attention_grad"(%q, %q, %k, %v, %y, %lse, %r) {heads = 4 : i64, kv_heads = 2 : i64, scale = 0.5 : f64}
      : (tensor<2x8x12xf32>, tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x5x6xf32>, tensor<2x8x6xf32>, tensor<2x8x4xf32>, tensor<2x16xi32>)
      -> (tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x5x6xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c1_value(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %v: tensor<2x4x6xf32>, %y: tensor<2x8x12xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op failed to verify that all of {key, value, keyGrad, valueGrad} have same type}}
  %0:3 = "mblm.ranged_attention_grad"(%q, %q, %k, %v, %y, %lse, %r) {heads = 4 : i64, kv_heads = 2 : i64, scale = 0.5 : f64}
      : (tensor<2x8x12xf32>, tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x4x6xf32>, tensor<2x8x12xf32>, tensor<2x8x4xf32>, tensor<2x16xi32>)
      -> (tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x5x6xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c2(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects 'heads' to be at least 1, but got 0}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 0, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c2_groups(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects 'kv_heads' to divide 'heads', and these dim(query, 2) (12), but got 3 and 4}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 3, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c2_key(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects dimension 2 of 'key' to be dim(query, 2) / heads * kv_heads * per_row (3), but got 6}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 1, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c2_sequences(%q: tensor<2x8x12xf32>, %k: tensor<3x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects dimension 0 of 'key' to be dim(query, 0) (2), but got 3}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<3x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c3(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x5x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects dimension 1 of 'lse' to be dim(query, 1) (8), but got 5}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x5x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c3_ranges(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x10xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects dimension 1 of 'ranges' to be 2 * dim(query, 1) (16), but got 10}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x10xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c4(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects 'scale' to be finite, but got NaN}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 2, scale = 0x7FF8000000000000 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}
