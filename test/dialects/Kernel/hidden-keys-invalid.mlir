// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @attention_c7(%x: tensor<?x6x48xf32>, %hidden: tensor<?x6xi32>) {
  // expected-error@+1 {{'kernel.attention' op expects 'hidden' to be ids, with mask 'full', but got 'tensor<?x6xi32>' with mask 'causal'}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(causal) hides %hidden {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c7_element(%x: tensor<?x6x48xf32>, %hidden: tensor<?x6xf32>) {
  // expected-error@+1 {{'kernel.attention' op expects 'hidden' to be ids, with mask 'full', but got 'tensor<?x6xf32>' with mask 'full'}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(full) hides %hidden {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6xf32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_c7_space(%x: tensor<?x6x48xf32>, %hidden: tensor<?x5xi32>) {
  // expected-error@+1 {{'kernel.attention' op expects dimension 1 of 'hidden' to be the positions of its space (6), but got 5}}
  %y, %lse = kernel.attention <B x 6> %x, %x, %x at [0, 16, 32] mask(full) hides %hidden {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x5xi32>) -> (tensor<?x6x16xf32>, tensor<?x6x2xf32>)
  return
}

// -----

func.func @attention_grad_c7(%x: tensor<?x6x48xf32>, %g: tensor<?x6x16xf32>, %lse: tensor<?x6x2xf32>, %hidden: tensor<?x6xi32>) {
  // expected-error@+1 {{'kernel.attention_grad' op expects 'hidden' to be ids, with mask 'full', but got 'tensor<?x6xi32>' with mask 'causal'}}
  %d = kernel.attention_grad <B x 6> %g, %x, %x, %x, %g, %lse at [0, 16, 32] mask(causal) hides %hidden
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x6x16xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x48xf32>, tensor<?x6x16xf32>, tensor<?x6x2xf32>, tensor<?x6xi32>)
      -> tensor<?x6x48xf32>
  return
}
