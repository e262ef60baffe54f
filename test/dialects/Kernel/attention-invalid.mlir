// Each function breaks the constraint of an attention kernel that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @attention_c1(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects three offsets, but got 2}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c1_features(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects heads * head_dim (16) features of 'value' at its offset, but got 48 features and offset 33}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 33] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c1_negative(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects heads * head_dim (16) features of 'query' at its offset, but got 48 features and offset -1}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [-1, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c2(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects 'heads' to be at least 1, but got 0}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 0 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c2_width(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects 'head_dim' to be at least 1, but got 0}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(causal)
      {head_dim = 0 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c3(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects dimension 2 of 'result' to be heads * head_dim (16), but got 17}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x17xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c3_lse(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects dimension 2 of 'lse' to be 'heads' (2), but got 3}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x3xf32>)
  return
}

// -----

func.func @attention_c3_positions(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects dimension 1 of 'query' to be the positions of its space (7), but got 6}}
  %y, %lse = kernel.attention <B x 7> %x, %x, %x at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c4(%x: tensor<?x6x48xf32>, %table: tensor<6x16xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects dimension 1 of 'table' to be 'head_dim' (8), but got 16}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] rotated %table mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<6x16xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c4_positions(%x: tensor<?x6x48xf32>, %table: tensor<5x8xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects dimension 0 of 'table' to be the positions of its space (6), but got 5}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] rotated %table mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<5x8xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c4_odd(%x: tensor<?x6x48xf32>, %table: tensor<6x7xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects 'head_dim' to be even for a rotation, but got 7}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] rotated %table mask(causal)
      {head_dim = 7 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<6x7xf32>) -> (tensor<?x6x14xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c5(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects 'block' for mask 'block_causal' and only there, but got mask 'block_causal' without it}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(block_causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c5_full(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects 'block' for mask 'block_causal' and only there, but got mask 'full' with it}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(full, 4)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c5_none(%x: tensor<?x6x48xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects 'block' to be at least 1, but got 0}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(block_causal, 0)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_grad_c1(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects three offsets, but got 2}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c1_features(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects heads * head_dim (16) features of 'value' at its offset, but got 48 features and offset 33}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 33] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c1_negative(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects heads * head_dim (16) features of 'query' at its offset, but got 48 features and offset -1}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [-1, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c2(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects 'heads' to be at least 1, but got 0}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 0 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c2_width(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects 'head_dim' to be at least 1, but got 0}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(causal)
      {head_dim = 0 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c3(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x17xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects dimension 2 of 'output' to be heads * head_dim (16), but got 17}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x17xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c3_lse(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x3xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects dimension 2 of 'lse' to be 'heads' (2), but got 3}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x3xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c3_positions(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects dimension 1 of 'query' to be the positions of its space (7), but got 6}}
  %d = kernel.attention_grad <B x 7> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c4(%x: tensor<?x6x48xf32>, %table: tensor<6x16xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects dimension 1 of 'table' to be 'head_dim' (8), but got 16}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] rotated %table mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>, tensor<6x16xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c4_positions(%x: tensor<?x6x48xf32>, %table: tensor<5x8xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects dimension 0 of 'table' to be the positions of its space (6), but got 5}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] rotated %table mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>, tensor<5x8xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c4_odd(%x: tensor<?x6x48xf32>, %table: tensor<6x7xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x14xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects 'head_dim' to be even for a rotation, but got 7}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] rotated %table mask(causal)
      {head_dim = 7 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x14xf32>, tensor<?x6x2xf32>, tensor<6x7xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c5(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects 'block' for mask 'block_causal' and only there, but got mask 'block_causal' without it}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(block_causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c5_full(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects 'block' for mask 'block_causal' and only there, but got mask 'full' with it}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(full, 4)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c5_none(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects 'block' to be at least 1, but got 0}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(block_causal, 0)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c3_grad(%x: tensor<?x6x48xf32>, %g: tensor<?x6x8xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects dimension 2 of 'grad' to be heads * head_dim (16), but got 8}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x8xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x48xf32>
  return
}

// -----

func.func @attention_grad_c3_together(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %y: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects dimension 2 of 'result' to be 3 * heads * head_dim (48), but got 16}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %y, %lse at [0, 16, 32] mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>) -> tensor<?x6x16xf32>
  return
}
