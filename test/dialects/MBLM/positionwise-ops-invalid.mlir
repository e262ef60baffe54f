// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @position_c1(%x: tensor<?x8x2xf32>, %t: tensor<7x2xf32>) {
  // expected-error@+1 {{'mblm.position' op expects dimension 0 of 'table' to be at least dim(input, 1) (8), but got 7}}
  %0 = mblm.position %x, %t : tensor<?x8x2xf32>, tensor<7x2xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @position_c1_width(%x: tensor<?x8x2xf32>, %t: tensor<8x3xf32>) {
  // expected-error@+1 {{'mblm.position' op expects dimension 1 of 'table' to be dim(input, 2) (2), but got 3}}
  %0 = mblm.position %x, %t : tensor<?x8x2xf32>, tensor<8x3xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @position_c2(%x: tensor<?x8x2xf32>, %t: tensor<8x2xf32>) {
  // expected-error@+1 {{'mblm.position' op expects dimension 1 of 'result' to be dim(input, 1) (8), but got 7}}
  %0 = mblm.position %x, %t : tensor<?x8x2xf32>, tensor<8x2xf32> -> tensor<?x7x2xf32>
  return
}

// -----

func.func @linear_c1(%x: tensor<?x8x2xf32>, %w: tensor<4x3xf32>) {
  // expected-error@+1 {{'mblm.linear' op expects dimension 1 of 'weight' to be dim(input, 2) (2), but got 3}}
  %0 = mblm.linear %x, %w : tensor<?x8x2xf32>, tensor<4x3xf32> -> tensor<?x8x4xf32>
  return
}

// -----

func.func @linear_c1_transposed(%x: tensor<?x8x2xf32>, %w: tensor<4x2xf32>) {
  // expected-error@+1 {{'mblm.linear' op expects dimension 0 of 'weight' to be dim(input, 2) (2), but got 4}}
  %0 = mblm.linear %x, %w {transposed} : tensor<?x8x2xf32>, tensor<4x2xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x8x2xf32>, %w: tensor<4x2xf32>) {
  // expected-error@+1 {{'mblm.linear' op expects dimension 2 of 'result' to be dim(weight, 0) (4), but got 3}}
  %0 = mblm.linear %x, %w : tensor<?x8x2xf32>, tensor<4x2xf32> -> tensor<?x8x3xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x8x2xf32>, %w: tensor<4x2xf32>, %b: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.linear' op expects dimension 0 of 'bias' to be dim(weight, 0) (4), but got 2}}
  %0 = mblm.linear %x, %w, %b : tensor<?x8x2xf32>, tensor<4x2xf32>, tensor<2xf32> -> tensor<?x8x4xf32>
  return
}

// -----

func.func @weight_grad_c1(%g: tensor<?x8x4xf32>, %x: tensor<?x7x2xf32>) {
  // expected-error@+1 {{'mblm.weight_grad' op expects dimension 1 of 'input' to be dim(grad, 1) (8), but got 7}}
  %0 = mblm.weight_grad %g, %x : tensor<?x8x4xf32>, tensor<?x7x2xf32> -> tensor<4x2xf32>
  return
}

// -----

func.func @weight_grad_c2(%g: tensor<?x8x4xf32>, %x: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.weight_grad' op expects dimension 0 of 'result' to be dim(grad, 2) (4), but got 2}}
  %0 = mblm.weight_grad %g, %x : tensor<?x8x4xf32>, tensor<?x8x2xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @norm_c1(%x: tensor<?x8x2xf32>, %g: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.norm' op expects dimension 0 of 'gain' to be dim(input, 2) (2), but got 3}}
  %0 = mblm.norm rms %x, %g {eps = 1.0e-5 : f64} : tensor<?x8x2xf32>, tensor<3xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @norm_c2(%x: tensor<?x8x2xf32>, %g: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.norm' op expects 'bias' for kind 'layer' and only there, but got kind 'layer' without it}}
  %0 = mblm.norm layer %x, %g {eps = 1.0e-5 : f64} : tensor<?x8x2xf32>, tensor<2xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @norm_c2_rms(%x: tensor<?x8x2xf32>, %g: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.norm' op expects 'bias' for kind 'layer' and only there, but got kind 'rms' with it}}
  %0 = mblm.norm rms %x, %g, %g {eps = 1.0e-5 : f64}
      : tensor<?x8x2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @norm_c2_width(%x: tensor<?x8x2xf32>, %g: tensor<2xf32>, %b: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.norm' op expects dimension 0 of 'bias' to be dim(input, 2) (2), but got 3}}
  %0 = mblm.norm layer %x, %g, %b {eps = 1.0e-5 : f64}
      : tensor<?x8x2xf32>, tensor<2xf32>, tensor<3xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @norm_c3(%x: tensor<?x8x2xf32>, %g: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.norm' op expects 'eps' to be finite and at least 0, but got -1}}
  %0 = mblm.norm rms %x, %g {eps = -1.0 : f64} : tensor<?x8x2xf32>, tensor<2xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @norm_c4(%x: tensor<?x8x2xf32>, %g: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.norm' op expects dimension 1 of 'result' to be dim(input, 1) (8), but got 9}}
  %0 = mblm.norm rms %x, %g {eps = 1.0e-5 : f64} : tensor<?x8x2xf32>, tensor<2xf32> -> tensor<?x9x2xf32>
  return
}

// -----

func.func @norm_grad_c1(%d: tensor<?x8x2xf32>, %x: tensor<?x8x2xf32>, %g: tensor<3xf32>) {
  // expected-error@+1 {{'mblm.norm_grad' op expects dimension 0 of 'gain' to be dim(input, 2) (2), but got 3}}
  %0:2 = mblm.norm_grad rms %d, %x, %g {eps = 1.0e-5 : f64}
      : tensor<?x8x2xf32>, tensor<?x8x2xf32>, tensor<3xf32> -> tensor<?x8x2xf32>, tensor<2xf32>
  return
}

// -----

func.func @norm_grad_c1_result(%d: tensor<?x8x2xf32>, %x: tensor<?x8x2xf32>, %g: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.norm_grad' op expects dimension 0 of 'gainGrad' to be dim(input, 2) (2), but got 3}}
  %0:2 = mblm.norm_grad rms %d, %x, %g {eps = 1.0e-5 : f64}
      : tensor<?x8x2xf32>, tensor<?x8x2xf32>, tensor<2xf32> -> tensor<?x8x2xf32>, tensor<3xf32>
  return
}

// -----

func.func @norm_grad_c2(%d: tensor<?x8x2xf32>, %x: tensor<?x8x2xf32>, %g: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.norm_grad' op expects 'biasGrad' for kind 'layer' and only there, but got kind 'layer' without it}}
  %0:2 = mblm.norm_grad layer %d, %x, %g {eps = 1.0e-5 : f64}
      : tensor<?x8x2xf32>, tensor<?x8x2xf32>, tensor<2xf32> -> tensor<?x8x2xf32>, tensor<2xf32>
  return
}

// -----

func.func @norm_grad_c3(%d: tensor<?x8x2xf32>, %x: tensor<?x8x2xf32>, %g: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.norm_grad' op expects dimension 1 of 'inputGrad' to be dim(input, 1) (8), but got 9}}
  %0:2 = mblm.norm_grad rms %d, %x, %g {eps = 1.0e-5 : f64}
      : tensor<?x8x2xf32>, tensor<?x8x2xf32>, tensor<2xf32> -> tensor<?x9x2xf32>, tensor<2xf32>
  return
}

// -----

func.func @activation_c1(%x: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.activation' op requires the same type for all operands and results}}
  %0 = "mblm.activation"(%x) {kind = #mblm<activation_kind gelu>} : (tensor<?x8x2xf32>) -> tensor<?x7x2xf32>
  return
}

// -----

func.func @activation_grad_c1(%g: tensor<?x8x3xf32>, %x: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.activation_grad' op requires the same type for all operands and results}}
  %0 = "mblm.activation_grad"(%g, %x) {kind = #mblm<activation_kind gelu>}
      : (tensor<?x8x3xf32>, tensor<?x8x2xf32>) -> tensor<?x8x2xf32>
  return
}

// -----

func.func @add_c1(%x: tensor<?x8x3xf32>, %y: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.add' op requires the same type for all operands and results}}
  %0 = "mblm.add"(%x, %y) : (tensor<?x8x3xf32>, tensor<?x8x2xf32>) -> tensor<?x8x2xf32>
  return
}

// -----

func.func @reduce_c1(%x: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.reduce' op expects 'result' over 'rows' to have rank 1, but got 'tensor<8x2xf32>'}}
  %0 = mblm.reduce rows %x : tensor<?x8x2xf32> -> tensor<8x2xf32>
  return
}

// -----

func.func @reduce_c1_positions(%x: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.reduce' op expects dimension 0 of 'result' to be at least dim(input, 1) (8), but got 7}}
  %0 = mblm.reduce batch %x : tensor<?x8x2xf32> -> tensor<7x2xf32>
  return
}

// -----

func.func @reduce_c1_width(%x: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.reduce' op expects dimension 0 of 'result' to be dim(input, 2) (2), but got 3}}
  %0 = mblm.reduce starts %x : tensor<?x8x2xf32> -> tensor<3xf32>
  return
}
