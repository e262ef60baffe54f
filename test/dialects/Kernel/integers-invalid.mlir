// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @integers_c1(%ids: tensor<?x?xi64>) {
  // expected-error@+1 {{'kernel.integers' op expects 'inputs' to be ids or floats (i32 or f32, of rank 2), but got 'tensor<?x?xi64>'}}
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi64>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi64>, %out: tensor<?x6xi32>, %k: index, %t: index):
  }
  return
}

// -----

func.func @integers_c1_rank(%x: tensor<?x?x2xf32>) {
  // expected-error@+1 {{'kernel.integers' op expects 'inputs' to be ids or floats (i32 or f32, of rank 2), but got 'tensor<?x?x2xf32>'}}
  %r = kernel.integers <B x 6> (%x) into <B x 6> : (tensor<?x?x2xf32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?x2xf32>, %out: tensor<?x6xi32>, %k: index, %t: index):
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

func.func @get_element_c1(%x: tensor<?x?xf32>, %k: index) {
  // expected-error@+1 {{'kernel.get_element' op expects to stand in 'kernel.integers'}}
  %0 = kernel.get_element %x[%k, %k] : tensor<?x?xf32>
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

func.func @get_id_c2_result(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    // expected-error@+1 {{'kernel.get_id' op expects 'ids' to be an input, but got the result}}
    %0 = kernel.get_id %out[%k, %t] : tensor<?x6xi32>
  }
  return
}

// -----

func.func @get_id_c3(%x: tensor<?x?xf32>) {
  %r = kernel.integers <B x 6> (%x) into <B x 6> : (tensor<?x?xf32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xf32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    // expected-error@+1 {{'kernel.get_id' op expects 'ids' to be ids (i32), but got 'tensor<?x?xf32>'}}
    %0 = kernel.get_id %in[%k, %t] : tensor<?x?xf32>
  }
  return
}

// -----

func.func @get_element_c2(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %other = arith.constant dense<0.0> : tensor<2x2xf32>
    // expected-error@+1 {{'kernel.get_element' op expects 'input' to be an argument of the body}}
    %0 = kernel.get_element %other[%k, %t] : tensor<2x2xf32>
  }
  return
}

// -----

func.func @get_element_c2_result(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    // expected-error@+1 {{'kernel.get_element' op expects 'input' to be an input, but got the result}}
    %0 = kernel.get_element %out[%k, %t] : tensor<?x6xi32>
  }
  return
}

// -----

func.func @get_element_c3(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    // expected-error@+1 {{'kernel.get_element' op expects 'input' to be floats (f32), but got 'tensor<?x?xi32>'}}
    %0 = kernel.get_element %in[%k, %t] : tensor<?x?xi32>
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

func.func @set_id_c2_input(%ids: tensor<?x?xi32>, %more: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids, %more) into <B x 6> : (tensor<?x?xi32>, tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %second: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    // expected-error@+1 {{'kernel.set_id' op expects 'ids' to be the result, but got input 1}}
    kernel.set_id %k, %second[%k, %t] : tensor<?x?xi32>
  }
  return
}

// -----

func.func @extent_c2(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %other = arith.constant dense<0> : tensor<2x2xi32>
    // expected-error@+1 {{'kernel.extent' op expects 'input' to be an argument of the body}}
    %0 = kernel.extent %other : tensor<2x2xi32>
  }
  return
}

// -----

func.func @find_c2(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %key = arith.index_cast %t : index to i64
    // expected-error@+1 {{'kernel.find' op expects 1 words for each of 1 places, but got 2}}
    %0 = kernel.find %key in [1, 2] at [0]
  }
  return
}

// -----

func.func @find_c2_words(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %key = arith.index_cast %t : index to i64
    // expected-error@+1 {{'kernel.find' op expects 2 words for each of 2 places, but got 3}}
    %0 = kernel.find %key, %key in [1, 2, 3] at [0, 1]
  }
  return
}

// -----

func.func @find_c2_none(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    // expected-error@+1 {{'kernel.find' op expects a key of at least one word, but got none}}
    %0 = kernel.find in [] at []
  }
  return
}

// -----

func.func @find_c2_order(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %key = arith.index_cast %t : index to i64
    // expected-error@+1 {{'kernel.find' op expects keys in increasing order, but number 1 is less than the one before}}
    %0 = kernel.find %key in [-1, 2] at [0, 1]
  }
  return
}

// -----

func.func @find_c2_order_of_words(%ids: tensor<?x?xi32>) {
  %r = kernel.integers <B x 6> (%ids) into <B x 6> : (tensor<?x?xi32>) -> tensor<?x6xi32> {
  ^bb0(%in: tensor<?x?xi32>, %out: tensor<?x6xi32>, %k: index, %t: index):
    %key = arith.index_cast %t : index to i64
    // expected-error@+1 {{'kernel.find' op expects keys in increasing order, but number 2 is less than the one before}}
    %0 = kernel.find %key, %key in [1, 2, 3, 1, 3, 0] at [0, 1, 2]
  }
  return
}
