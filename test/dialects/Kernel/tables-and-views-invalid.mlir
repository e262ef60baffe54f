// Each function breaks the constraint of a mean loss, a table or a view that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @mean_loss_c1(%l: tensor<?xf32>, %mask: tensor<?x?xf32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.mean_loss' op expects 'token_loss' to have rank 2, but got 'tensor<?xf32>'}}
  %y:3 = kernel.mean_loss <B x M> nonzero %l, %mask, %ids at 1
      : (tensor<?xf32>, tensor<?x?xf32>, tensor<?x?xi32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @mean_loss_c2(%l: tensor<?x?xf32>, %mask: tensor<?x?xf32>, %ids: tensor<?xi32>) {
  // expected-error@+1 {{'kernel.mean_loss' op expects 'ids' to be i32 of rank 2, but got 'tensor<?xi32>'}}
  %y:3 = kernel.mean_loss <B x M> nonzero %l, %mask, %ids at 1
      : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xi32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @mean_loss_c2_mask(%l: tensor<?x?xf32>, %mask: tensor<?x?xi32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.mean_loss' op expects 'mask' to be f32, but got 'tensor<?x?xi32>'}}
  %y:3 = kernel.mean_loss <B x M> nonzero %l, %mask, %ids at 1
      : (tensor<?x?xf32>, tensor<?x?xi32>, tensor<?x?xi32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @mean_loss_c2_rank(%l: tensor<?x?xf32>, %mask: tensor<f32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.mean_loss' op expects 'mask' to have rank 2, but got 'tensor<f32>'}}
  %y:3 = kernel.mean_loss <B x M> nonzero %l, %mask, %ids at 1
      : (tensor<?x?xf32>, tensor<f32>, tensor<?x?xi32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @mean_loss_c3(%l: tensor<?x?xf32>, %mask: tensor<?x?xf32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.mean_loss' op expects 'sum' to have rank 0, but got 'tensor<1xf32>'}}
  %y:3 = kernel.mean_loss <B x M> nonzero %l, %mask, %ids at 1
      : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>) -> (tensor<f32>, tensor<1xf32>, tensor<f32>)
  return
}

// -----

func.func @rope_table_c1() {
  // expected-error@+1 {{'kernel.rope_table' op expects 'width' to be even and at least 2, but got 7}}
  %t = kernel.rope_table <1 x M> half_split 7 base 1.0e4 : tensor<?x7xf32>
  return
}

// -----

func.func @rope_table_c1_none() {
  // expected-error@+1 {{'kernel.rope_table' op expects 'width' to be even and at least 2, but got 0}}
  %t = kernel.rope_table <1 x M> half_split 0 base 1.0e4 : tensor<?x0xf32>
  return
}

// -----

func.func @rope_table_c2() {
  // expected-error@+1 {{'kernel.rope_table' op expects dimension 1 of 'result' to be 'width' (8), but got 16}}
  %t = kernel.rope_table <1 x M> half_split 8 base 1.0e4 : tensor<?x16xf32>
  return
}

// -----

func.func @rope_table_c2_interleaved() {
  // expected-error@+1 {{'kernel.rope_table' op expects dimension 1 of 'result' to be 2 * width (16), but got 8}}
  %t = kernel.rope_table <1 x M> interleaved 8 base 1.0e4 : tensor<?x8xf32>
  return
}

// -----

func.func @rope_table_c2_positions() {
  // expected-error@+1 {{'kernel.rope_table' op expects dimension 0 of 'result' to be the positions of its space (5), but got 6}}
  %t = kernel.rope_table <1 x 5> half_split 8 base 1.0e4 : tensor<6x8xf32>
  return
}

// -----

func.func @rope_table_c3() {
  // expected-error@+1 {{'kernel.rope_table' op expects 'base' to be positive and finite, but got 0}}
  %t = kernel.rope_table <1 x M> half_split 8 base 0.0 : tensor<?x8xf32>
  return
}

// -----

func.func @rope_table_c3_negative() {
  // expected-error@+1 {{'kernel.rope_table' op expects 'base' to be positive and finite, but got -2}}
  %t = kernel.rope_table <1 x M> half_split 8 base -2.0 : tensor<?x8xf32>
  return
}

// -----

func.func @view_c1(%x: tensor<2x4x8xf32>) {
  // expected-error@+1 {{'kernel.view' op expects 'result' to have as many elements as 'input' (64), but got 128}}
  %y = kernel.view <4 x 4> %x : tensor<2x4x8xf32> -> tensor<4x4x8xf32>
  return
}

// -----

func.func @view_c1_space(%x: tensor<?x?x8xf32>) {
  // expected-error@+1 {{'kernel.view' op expects dimension 1 of 'result' to be the positions of its space (5), but got 4}}
  %y = kernel.view <B x 5> %x : tensor<?x?x8xf32> -> tensor<?x4x2xf32>
  return
}
