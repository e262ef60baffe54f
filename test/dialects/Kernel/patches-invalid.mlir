// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @pool_c1(%x: tensor<?x6x8xf32>, %spans: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.pool' op expects dimension 2 of 'result' to be the width of its input (8), but got 7}}
  %0 = kernel.pool <B x 3> max %x over %spans of <B x 6> : (tensor<?x6x8xf32>, tensor<?x?xi32>) -> tensor<?x3x7xf32>
  return
}

// -----

func.func @pool_c1_result(%x: tensor<?x6x8xf32>, %spans: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.pool' op expects dimension 1 of 'result' to be the positions of its space (3), but got 4}}
  %0 = kernel.pool <B x 3> max %x over %spans of <B x 6> : (tensor<?x6x8xf32>, tensor<?x?xi32>) -> tensor<?x4x8xf32>
  return
}

// -----

func.func @pool_c1_input(%x: tensor<?x5x8xf32>, %spans: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.pool' op expects dimension 1 of 'input' to be the positions of its space (6), but got 5}}
  %0 = kernel.pool <B x 3> max %x over %spans of <B x 6> : (tensor<?x5x8xf32>, tensor<?x?xi32>) -> tensor<?x3x8xf32>
  return
}

// -----

func.func @pool_c2(%x: tensor<?x6x8xf32>, %spans: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.pool' op expects 'spans' to be ids (i32, of rank 2), but got 'tensor<?x?xf32>'}}
  %0 = kernel.pool <B x 3> max %x over %spans of <B x 6> : (tensor<?x6x8xf32>, tensor<?x?xf32>) -> tensor<?x3x8xf32>
  return
}

// -----

func.func @pool_grad_c1(%g: tensor<?x3x7xf32>, %x: tensor<?x6x8xf32>, %y: tensor<?x3x8xf32>, %spans: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.pool_grad' op expects dimension 2 of 'grad' to be the width of its input (8), but got 7}}
  %0 = kernel.pool_grad <B x 3> %g, %x, %y over %spans of <B x 6>
      : (tensor<?x3x7xf32>, tensor<?x6x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> tensor<?x6x8xf32>
  return
}

// -----

func.func @pool_grad_c1_pooled(%g: tensor<?x3x8xf32>, %x: tensor<?x6x8xf32>, %y: tensor<?x6x8xf32>, %spans: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.pool_grad' op expects dimension 1 of 'pooled' to be the positions of its space (3), but got 6}}
  %0 = kernel.pool_grad <B x 3> %g, %x, %y over %spans of <B x 6>
      : (tensor<?x3x8xf32>, tensor<?x6x8xf32>, tensor<?x6x8xf32>, tensor<?x?xi32>) -> tensor<?x6x8xf32>
  return
}

// -----

func.func @pool_grad_c1_input(%g: tensor<?x3x8xf32>, %x: tensor<?x3x8xf32>, %y: tensor<?x3x8xf32>, %spans: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.pool_grad' op expects dimension 1 of 'input' to be the positions of its space (6), but got 3}}
  %0 = kernel.pool_grad <B x 3> %g, %x, %y over %spans of <B x 6>
      : (tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> tensor<?x6x8xf32>
  return
}

// -----

func.func @pool_grad_c1_result(%g: tensor<?x3x8xf32>, %x: tensor<?x6x8xf32>, %y: tensor<?x3x8xf32>, %spans: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.pool_grad' op expects dimension 1 of 'result' to be the positions of its space (6), but got 3}}
  %0 = kernel.pool_grad <B x 3> %g, %x, %y over %spans of <B x 6>
      : (tensor<?x3x8xf32>, tensor<?x6x8xf32>, tensor<?x3x8xf32>, tensor<?x?xi32>) -> tensor<?x3x8xf32>
  return
}

// -----

func.func @pool_grad_c2(%g: tensor<?x3x8xf32>, %x: tensor<?x6x8xf32>, %y: tensor<?x3x8xf32>, %spans: tensor<?xi32>) {
  // expected-error@+1 {{'kernel.pool_grad' op expects 'spans' to be ids (i32, of rank 2), but got 'tensor<?xi32>'}}
  %0 = kernel.pool_grad <B x 3> %g, %x, %y over %spans of <B x 6>
      : (tensor<?x3x8xf32>, tensor<?x6x8xf32>, tensor<?x3x8xf32>, tensor<?xi32>) -> tensor<?x6x8xf32>
  return
}
