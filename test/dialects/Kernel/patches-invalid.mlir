// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @integers_c1(%ids: tensor<?x?xf32>) {
  // expected-error@+1 {{'kernel.integers' op expects 'inputs' to be ids (i32, of rank 2), but got 'tensor<?x?xf32>'}}
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xf32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xf32>, %out: tensor<?x6xi32>, %k: index, %t: index):
  }
  return
}

// -----

func.func @integers_c1_result(%ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.integers' op expects 'result' to be ids (i32, of rank 2), but got 'tensor<?xi32>'}}
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?xi32>, %k: index, %t: index):
  }
  return
}

// -----

func.func @integers_c1_space(%ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.integers' op expects dimension 1 of 'result' to be the positions of its space (6), but got 5}}
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x5xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x5xi32>, %k: index, %t: index):
  }
  return
}

// -----

func.func @integers_c2(%ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.integers' op expects a body with the arguments (inputs, result, two indices), but got 'tensor<?x?xi32>', 'index', 'index'}}
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %k: index, %t: index):
  }
  return
}

// -----

func.func @get_id_c1(%ids: tensor<?x?xi32>, %k: index) {
  // expected-error@+1 {{'kernel.get_id' op expects to stand in 'kernel.integers'}}
  %0 = kernel.get_id %ids[%k, %k] : tensor<?x?xi32>
  return
}

// -----

func.func @set_id_c1(%ids: tensor<?x?xi32>, %k: index) {
  // expected-error@+1 {{'kernel.set_id' op expects to stand in 'kernel.integers'}}
  kernel.set_id %k, %ids[%k, %k] : tensor<?x?xi32>
  return
}

// -----

func.func @extent_c1(%ids: tensor<?x?xi32>) {
  // expected-error@+1 {{'kernel.extent' op expects to stand in 'kernel.integers'}}
  %0 = kernel.extent %ids : tensor<?x?xi32>
  return
}

// -----

func.func @find_c1(%key: i64) {
  // expected-error@+1 {{'kernel.find' op expects to stand in 'kernel.integers'}}
  %0 = kernel.find %key in [1] at [0]
  return
}

// -----

func.func @get_id_c2(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %other = arith.constant dense<0> : tensor<2x2xi32>
    // expected-error@+1 {{'kernel.get_id' op expects 'ids' to be an argument of the body}}
    %0 = kernel.get_id %other[%k, %t] : tensor<2x2xi32>
  }
  return
}

// -----

func.func @set_id_c2(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %other = arith.constant dense<0> : tensor<2x2xi32>
    // expected-error@+1 {{'kernel.set_id' op expects 'ids' to be an argument of the body}}
    kernel.set_id %k, %other[%k, %t] : tensor<2x2xi32>
  }
  return
}

// -----

func.func @extent_c2(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %other = arith.constant dense<0> : tensor<2x2xi32>
    // expected-error@+1 {{'kernel.extent' op expects 'ids' to be an argument of the body}}
    %0 = kernel.extent %other : tensor<2x2xi32>
  }
  return
}

// -----

func.func @find_c2(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %key = arith.index_cast %t : index to i64
    // expected-error@+1 {{'kernel.find' op expects as many places as keys (2), but got 1}}
    %0 = kernel.find %key in [1, 2] at [0]
  }
  return
}

// -----

func.func @find_c2_order(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %key = arith.index_cast %t : index to i64
    // expected-error@+1 {{'kernel.find' op expects keys in increasing order}}
    %0 = kernel.find %key in [-1, 2] at [0, 1]
  }
  return
}

// -----

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
