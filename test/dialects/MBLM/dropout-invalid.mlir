// Each function breaks the constraint on dropout that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @dropout_c1(%x: tensor<?x?x8xf32>, %key: tensor<4xi32>) {
  // expected-error@+1 {{'mblm.dropout' op failed to verify that all of {input, result} have same type}}
  %0 = "mblm.dropout"(%x, %key) {rate = 0.1 : f64, site = 0} : (tensor<?x?x8xf32>, tensor<4xi32>) -> tensor<?x8x8xf32>
  return
}

// -----

func.func @dropout_c2(%x: tensor<?x?x8xf32>, %key: tensor<3xi32>) {
  // expected-error@+1 {{'mblm.dropout' op operand #1 must be dropout key (tensor<4xi32>), but got 'tensor<3xi32>'}}
  %0 = "mblm.dropout"(%x, %key) {rate = 0.1 : f64, site = 0} : (tensor<?x?x8xf32>, tensor<3xi32>) -> tensor<?x?x8xf32>
  return
}

// -----

func.func @dropout_c3(%x: tensor<?x?x8xf32>, %key: tensor<4xi32>) {
  // expected-error@+1 {{'mblm.dropout' op expects 'rate' to be in [0, 1), but got 1}}
  %0 = mblm.dropout %x key %key {rate = 1.0 : f64, site = 0} : tensor<?x?x8xf32>
  return
}

// -----

func.func @dropout_c3_negative(%x: tensor<?x?x8xf32>, %key: tensor<4xi32>) {
  // expected-error@+1 {{'mblm.dropout' op expects 'rate' to be in [0, 1), but got -}}
  %0 = mblm.dropout %x key %key {rate = -0.5 : f64, site = 0} : tensor<?x?x8xf32>
  return
}

// -----

func.func @dropout_c4(%x: tensor<?x?x8xf32>, %key: tensor<4xi32>) {
  // expected-error@+1 {{'mblm.dropout' op expects 'site' to be in [0, 16777216), but got 16777216}}
  %0 = mblm.dropout %x key %key {rate = 0.1 : f64, site = 16777216} : tensor<?x?x8xf32>
  return
}

// -----

func.func @attention_c6(%x: tensor<?x8x6xf32>, %key: tensor<4xi32>) {
  // expected-error@+1 {{'mblm.attention' op expects 'rate' and 'site' with a dropout key and only there, but got a key without both}}
  %0:2 = mblm.attention %x, %x, %x mask(causal) dropout %key {heads = 2, scale = 1.0 : f64, rate = 0.1 : f64}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}

// -----

func.func @attention_c6_keyless(%x: tensor<?x8x6xf32>) {
  // expected-error@+1 {{'mblm.attention' op expects 'rate' and 'site' with a dropout key and only there, but got one of them without a key}}
  %0:2 = mblm.attention %x, %x, %x mask(causal) {heads = 2, scale = 1.0 : f64, site = 1}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}

// -----

func.func @attention_c6_rate(%x: tensor<?x8x6xf32>, %key: tensor<4xi32>) {
  // expected-error@+1 {{'mblm.attention' op expects 'rate' to be in [0, 1), but got 2}}
  %0:2 = mblm.attention %x, %x, %x mask(causal) dropout %key {heads = 2, scale = 1.0 : f64, rate = 2.0 : f64, site = 1}
      : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}

// -----

func.func @attention_grad_c6(%x: tensor<?x8x6xf32>, %lse: tensor<?x8x2xf32>, %key: tensor<4xi32>) {
  // expected-error@+1 {{'mblm.attention_grad' op expects 'site' to be in [0, 16777216), but got -1}}
  %0:3 = mblm.attention_grad %x, %x, %x, %x, %x, %lse mask(causal) dropout %key
      {heads = 2, scale = 1.0 : f64, rate = 0.1 : f64, site = -1} : tensor<?x8x6xf32>, tensor<?x8x2xf32>
  return
}
