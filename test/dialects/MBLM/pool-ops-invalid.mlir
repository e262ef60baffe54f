// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @pool_c1(%x: tensor<2x8x4xf32>, %spans: tensor<2x6xi32>, %owners: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.pool' op expects dimension 2 of 'result' to be dim(input, 2) (4), but got 5}}
  %0 = mblm.pool max %x over %spans of %owners : tensor<2x8x4xf32>, tensor<2x6xi32>, tensor<2x16xi32> -> tensor<2x3x5xf32>
  return
}

// -----

func.func @pool_c1_sequences(%x: tensor<2x8x4xf32>, %spans: tensor<2x6xi32>, %owners: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.pool' op expects dimension 0 of 'result' to be dim(input, 0) (2), but got 3}}
  %0 = mblm.pool max %x over %spans of %owners : tensor<2x8x4xf32>, tensor<2x6xi32>, tensor<2x16xi32> -> tensor<3x3x4xf32>
  return
}

// -----

func.func @pool_c1_spans(%x: tensor<2x8x4xf32>, %spans: tensor<2x8xi32>, %owners: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.pool' op expects dimension 1 of 'spans' to be 2 * dim(result, 1) (6), but got 8}}
  %0 = mblm.pool max %x over %spans of %owners : tensor<2x8x4xf32>, tensor<2x8xi32>, tensor<2x16xi32> -> tensor<2x3x4xf32>
  return
}

// -----

func.func @pool_c1_owners(%x: tensor<2x8x4xf32>, %spans: tensor<2x6xi32>, %owners: tensor<2x6xi32>) {
  // expected-error@+1 {{'mblm.pool' op expects dimension 1 of 'owners' to be 2 * dim(input, 1) (16), but got 6}}
  %0 = mblm.pool max %x over %spans of %owners : tensor<2x8x4xf32>, tensor<2x6xi32>, tensor<2x6xi32> -> tensor<2x3x4xf32>
  return
}

// -----

func.func @pool_grad_c1(%g: tensor<2x3x5xf32>, %x: tensor<2x8x4xf32>, %spans: tensor<2x6xi32>) {
  // expected-error@+1 {{'mblm.pool_grad' op expects dimension 2 of 'grad' to be dim(input, 2) (4), but got 5}}
  %0 = mblm.pool_grad max %g, %x, %g over %spans : tensor<2x3x5xf32>, tensor<2x8x4xf32>, tensor<2x6xi32>
  return
}

// -----

func.func @pool_grad_c1_spans(%g: tensor<2x3x4xf32>, %x: tensor<2x8x4xf32>, %spans: tensor<2x4xi32>) {
  // expected-error@+1 {{'mblm.pool_grad' op expects dimension 1 of 'spans' to be 2 * dim(grad, 1) (6), but got 4}}
  %0 = mblm.pool_grad max %g, %x, %g over %spans : tensor<2x3x4xf32>, tensor<2x8x4xf32>, tensor<2x4xi32>
  return
}

// -----

func.func @pool_grad_c2(%g: tensor<2x3x4xf32>, %x: tensor<2x8x4xf32>, %spans: tensor<2x6xi32>) {
  // expected-error@+1 {{'mblm.pool_grad' op expects kind 'max' or 'min', but got 'mean'}}
  %0 = mblm.pool_grad mean %g, %x, %g over %spans : tensor<2x3x4xf32>, tensor<2x8x4xf32>, tensor<2x6xi32>
  return
}

// -----

func.func @pool_grad_c3(%g: tensor<2x3x4xf32>, %x: tensor<2x8x4xf32>, %y: tensor<2x3x5xf32>, %spans: tensor<2x6xi32>) {
  // expected-error@+1 {{'mblm.pool_grad' op failed to verify that all of {grad, result} have same type}}
  %0 = "mblm.pool_grad"(%g, %x, %y, %spans) {kind = #mblm<pool_kind max>}
      : (tensor<2x3x4xf32>, tensor<2x8x4xf32>, tensor<2x3x5xf32>, tensor<2x6xi32>) -> tensor<2x8x4xf32>
  return
}

// -----

func.func @pool_grad_c3_input(%g: tensor<2x3x4xf32>, %x: tensor<2x8x4xf32>, %y: tensor<2x3x4xf32>, %spans: tensor<2x6xi32>) {
  // expected-error@+1 {{'mblm.pool_grad' op failed to verify that all of {input, inputGrad} have same type}}
  %0 = "mblm.pool_grad"(%g, %x, %y, %spans) {kind = #mblm<pool_kind max>}
      : (tensor<2x3x4xf32>, tensor<2x8x4xf32>, tensor<2x3x4xf32>, tensor<2x6xi32>) -> tensor<2x7x4xf32>
  return
}

// -----

func.func @spread_c1(%x: tensor<2x3x5xf32>, %owners: tensor<2x16xi32>, %spans: tensor<2x6xi32>) {
  // expected-error@+1 {{'mblm.spread' op expects dimension 2 of 'input' to be dim(result, 2) (4), but got 5}}
  %0 = mblm.spread %x by %owners of %spans {mean} : tensor<2x3x5xf32>, tensor<2x16xi32>, tensor<2x6xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @spread_c1_owners(%x: tensor<2x3x4xf32>, %owners: tensor<2x14xi32>, %spans: tensor<2x6xi32>) {
  // expected-error@+1 {{'mblm.spread' op expects dimension 1 of 'owners' to be 2 * dim(result, 1) (16), but got 14}}
  %0 = mblm.spread %x by %owners of %spans {mean} : tensor<2x3x4xf32>, tensor<2x14xi32>, tensor<2x6xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @spread_c1_spans(%x: tensor<2x3x4xf32>, %owners: tensor<2x16xi32>, %spans: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.spread' op expects dimension 1 of 'spans' to be 2 * dim(input, 1) (6), but got 16}}
  %0 = mblm.spread %x by %owners of %spans {mean} : tensor<2x3x4xf32>, tensor<2x16xi32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @spread_c2(%x: tensor<2x3x4xf32>, %owners: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.spread' op expects 'spans' with 'mean', but got none}}
  %0 = mblm.spread %x by %owners {mean} : tensor<2x3x4xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @entropy_c1(%x: tensor<2x8x4xf32>) {
  // expected-error@+1 {{'mblm.entropy' op expects dimension 1 of 'result' to be dim(logits, 1) (8), but got 4}}
  %0 = mblm.entropy %x : tensor<2x8x4xf32> -> tensor<2x4xf32>
  return
}
