// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @ranged_attention_c1(%q: tensor<?x6x12xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x3x8xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects dimension 2 of 'query' to be heads * head_dim (16), but got 12}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x12xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x4xf32>)
  return
}

// -----

func.func @ranged_attention_c1_result(%q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x3x8xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects dimension 1 of 'result' to be the positions of its space (6), but got 3}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> (tensor<?x3x16xf32>, tensor<?x6x4xf32>)
  return
}

// -----

func.func @ranged_attention_c1_lse(%q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x3x8xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects dimension 2 of 'lse' to be heads (4), but got 2}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @ranged_attention_c2(%q: tensor<?x6x16xf32>, %k: tensor<?x3x16xf32>, %v: tensor<?x3x8xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects dimension 2 of 'key' to be kv_heads * head_dim (8), but got 16}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x3x16xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x4xf32>)
  return
}

// -----

func.func @ranged_attention_c2_value(%q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x6x8xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects dimension 1 of 'value' to be the positions of its space (3), but got 6}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x6x8xf32>, tensor<?x?xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x4xf32>)
  return
}

// -----

func.func @ranged_attention_c2_groups(%q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x3x8xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects 'kv_heads' to divide 'heads' (4), but got 3}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 3, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x4xf32>)
  return
}

// -----

func.func @ranged_attention_c3(%q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x3x8xf32>, %r: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects 'ranges' to be ids (i32, of rank 2), but got 'tensor<?x?xf32>'}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x?xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x4xf32>)
  return
}

// -----

func.func @ranged_attention_c4(%q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x3x8xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects 'heads' to be at least 1, but got 0}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 4, heads = 0, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x4xf32>)
  return
}

// -----

func.func @ranged_attention_c4_groups(%q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x3x8xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects 'kv_heads' to be at least 1, but got 0}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 0, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x4xf32>)
  return
}

// -----

func.func @ranged_attention_c4_width(%q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %v: tensor<?x3x8xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention' op expects 'head_dim' to be at least 1, but got 0}}
  %0:2 = kernel.ranged_attention <B x 6> %q, %k, %v of <B x 3> in %r {head_dim = 0, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x4xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c1(%g: tensor<?x6x12xf32>, %q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %lse: tensor<?x6x4xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention_grad' op expects dimension 2 of 'grad' to be heads * head_dim (16), but got 12}}
  %0:3 = kernel.ranged_attention_grad <B x 6> %g, %q, %k, %k, %q, %lse of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x12xf32>, tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x?xi32>)
      -> (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c1_result(%g: tensor<?x6x16xf32>, %q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %lse: tensor<?x6x4xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention_grad' op expects dimension 2 of 'query_grad' to be heads * head_dim (16), but got 8}}
  %0:3 = kernel.ranged_attention_grad <B x 6> %g, %q, %k, %k, %q, %lse of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x?xi32>)
      -> (tensor<?x6x8xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c1_lse(%g: tensor<?x6x16xf32>, %q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %lse: tensor<?x3x4xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention_grad' op expects dimension 1 of 'lse' to be the positions of its space (6), but got 3}}
  %0:3 = kernel.ranged_attention_grad <B x 6> %g, %q, %k, %k, %q, %lse of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x6x16xf32>, tensor<?x3x4xf32>, tensor<?x?xi32>)
      -> (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c2(%g: tensor<?x6x16xf32>, %q: tensor<?x6x16xf32>, %k: tensor<?x3x16xf32>, %lse: tensor<?x6x4xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention_grad' op expects dimension 2 of 'key' to be kv_heads * head_dim (8), but got 16}}
  %0:3 = kernel.ranged_attention_grad <B x 6> %g, %q, %k, %k, %q, %lse of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x3x16xf32>, tensor<?x3x16xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x?xi32>)
      -> (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c2_result(%g: tensor<?x6x16xf32>, %q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %lse: tensor<?x6x4xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention_grad' op expects dimension 1 of 'key_grad' to be the positions of its space (3), but got 6}}
  %0:3 = kernel.ranged_attention_grad <B x 6> %g, %q, %k, %k, %q, %lse of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x?xi32>)
      -> (tensor<?x6x16xf32>, tensor<?x6x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c2_groups(%g: tensor<?x6x16xf32>, %q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %lse: tensor<?x6x4xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention_grad' op expects 'kv_heads' to divide 'heads' (4), but got 3}}
  %0:3 = kernel.ranged_attention_grad <B x 6> %g, %q, %k, %k, %q, %lse of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 3, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x?xi32>)
      -> (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c3(%g: tensor<?x6x16xf32>, %q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %lse: tensor<?x6x4xf32>, %r: tensor<?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention_grad' op expects 'ranges' to be ids (i32, of rank 2), but got 'tensor<?xi32>'}}
  %0:3 = kernel.ranged_attention_grad <B x 6> %g, %q, %k, %k, %q, %lse of <B x 3> in %r {head_dim = 4, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?xi32>)
      -> (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c4(%g: tensor<?x6x16xf32>, %q: tensor<?x6x16xf32>, %k: tensor<?x3x8xf32>, %lse: tensor<?x6x4xf32>, %r: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.ranged_attention_grad' op expects 'head_dim' to be at least 1, but got 0}}
  %0:3 = kernel.ranged_attention_grad <B x 6> %g, %q, %k, %k, %q, %lse of <B x 3> in %r {head_dim = 0, heads = 4, kv_heads = 2, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x6x16xf32>, tensor<?x6x4xf32>, tensor<?x?xi32>)
      -> (tensor<?x6x16xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>)
  return
}
