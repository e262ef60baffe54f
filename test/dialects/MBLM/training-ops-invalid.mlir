// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @cross_entropy_c1(%l: tensor<?x8x257xf32>, %ids: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.cross_entropy' op expects dimension 1 of 'ids' to be dim(logits, 1) + offset (9), but got 8}}
  %0:2 = mblm.cross_entropy %l, %ids {offset = 1} : tensor<?x8x257xf32>, tensor<?x8xi32> -> tensor<?x8xf32>
  return
}

// -----

func.func @cross_entropy_c1_negative(%l: tensor<?x8x257xf32>, %ids: tensor<?x7xi32>) {
  // expected-error@+1 {{'mblm.cross_entropy' op expects 'offset' to be at least 0, but got -1}}
  %0:2 = mblm.cross_entropy %l, %ids {offset = -1} : tensor<?x8x257xf32>, tensor<?x7xi32> -> tensor<?x8xf32>
  return
}

// -----

func.func @cross_entropy_c2(%l: tensor<?x8x257xf32>, %ids: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.cross_entropy' op expects dimension 1 of 'loss' to be dim(logits, 1) (8), but got 7}}
  %0:2 = mblm.cross_entropy %l, %ids : tensor<?x8x257xf32>, tensor<?x8xi32> -> tensor<?x7xf32>
  return
}

// -----

func.func @cross_entropy_c3(%l: tensor<?x8x257xf32>, %ids: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.cross_entropy' op expects 'ignore' to be in [0, 257), but got 257}}
  %0:2 = mblm.cross_entropy %l, %ids {ignore = 257 : i64} : tensor<?x8x257xf32>, tensor<?x8xi32> -> tensor<?x8xf32>
  return
}

// -----

func.func @cross_entropy_grad_c1(%g: tensor<?x8xf32>, %l: tensor<?x8x257xf32>, %lse: tensor<?x8xf32>, %ids: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.cross_entropy_grad' op expects dimension 1 of 'ids' to be dim(logits, 1) + offset (9), but got 8}}
  %0 = mblm.cross_entropy_grad %g, %l, %lse, %ids {offset = 1} : tensor<?x8xf32>, tensor<?x8x257xf32>, tensor<?x8xi32>
  return
}

// -----

func.func @cross_entropy_grad_c2(%g: tensor<?x7xf32>, %l: tensor<?x8x257xf32>, %lse: tensor<?x7xf32>, %ids: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.cross_entropy_grad' op expects dimension 1 of 'grad' to be dim(logits, 1) (8), but got 7}}
  %0 = mblm.cross_entropy_grad %g, %l, %lse, %ids : tensor<?x7xf32>, tensor<?x8x257xf32>, tensor<?x8xi32>
  return
}

// -----

func.func @cross_entropy_grad_c3(%g: tensor<?x8xf32>, %l: tensor<?x8x257xf32>, %lse: tensor<?x8xf32>, %ids: tensor<?x8xi32>) {
  // expected-error@+1 {{'mblm.cross_entropy_grad' op expects 'ignore' to be in [0, 257), but got -1}}
  %0 = mblm.cross_entropy_grad %g, %l, %lse, %ids {ignore = -1 : i64}
      : tensor<?x8xf32>, tensor<?x8x257xf32>, tensor<?x8xi32>
  return
}

// -----

func.func @mean_loss_c1(%l: tensor<?x8xf32>, %m: tensor<?x8xf32>, %ids: tensor<?x9xi32>) {
  // expected-error@+1 {{'mblm.mean_loss' op expects dimension 1 of 'mask' to be dim(token_loss, 1) + offset (9), but got 8}}
  %0:3 = mblm.mean_loss nonzero %l, %m, %ids {offset = 1} : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x9xi32>
  return
}

// -----

func.func @mean_loss_c1_ids(%l: tensor<?x8xf32>, %m: tensor<?x8xf32>, %ids: tensor<?x9xi32>) {
  // expected-error@+1 {{'mblm.mean_loss' op expects dimension 1 of 'ids' to be dim(token_loss, 1) + offset (8), but got 9}}
  %0:3 = mblm.mean_loss nonzero %l, %m, %ids : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x9xi32>
  return
}

// -----

func.func @mean_loss_grad_c1(%g: tensor<f32>, %n: tensor<f32>, %m: tensor<?x8xf32>) {
  // expected-error@+1 {{'mblm.mean_loss_grad' op expects dimension 1 of 'mask' to be dim(result, 1) + offset (9), but got 8}}
  %0 = mblm.mean_loss_grad %g, %n, %m {offset = 1} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @update_c1(%h: tensor<7xf32>, %d: tensor<0xf32>) {
  // expected-error@+1 {{'mblm.update' op expects dimension 0 of 'hyper' to be the number of hyperparameters (8), but got 7}}
  %0 = mblm.update %h, %d : tensor<7xf32>, tensor<0xf32>
  return
}

// -----

mblm.parameter @one at 0 : tensor<2xf32>
func.func @update_c2(%h: tensor<8xf32>, %d: tensor<2xf32>) {
  // expected-error@+1 {{'mblm.update' op expects dimension 0 of 'decay' to be the number of parameters in the module (1), but got 2}}
  %0 = mblm.update %h, %d : tensor<8xf32>, tensor<2xf32>
  return
}
