// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @embed_c1(%ids: tensor<?x8xi32>, %t: tensor<9x2xf32>) {
  // expected-error@+1 {{'mblm.embed' op expects 'bytes' to be at least 1, but got 0}}
  %0 = mblm.embed %ids, %t {bytes = 0} : tensor<?x8xi32>, tensor<9x2xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @embed_c2(%ids: tensor<?x8xi32>, %t: tensor<9x2xf32>) {
  // expected-error@+1 {{'mblm.embed' op expects dimension 1 of 'ids' to be dim(result, 1) * bytes (12), but got 8}}
  %0 = mblm.embed %ids, %t {bytes = 4} : tensor<?x8xi32>, tensor<9x2xf32> -> tensor<?x3x8xf32>
  return
}

// -----

func.func @embed_c2_width(%ids: tensor<?x8xi32>, %t: tensor<9x2xf32>) {
  // expected-error@+1 {{'mblm.embed' op expects dimension 2 of 'result' to be dim(table, 1) * bytes (8), but got 2}}
  %0 = mblm.embed %ids, %t {bytes = 4} : tensor<?x8xi32>, tensor<9x2xf32> -> tensor<?x2x2xf32>
  return
}

// -----

func.func @embed_c3(%ids: tensor<?x8xi32>, %t: tensor<9x2xf32>) {
  // expected-error@+1 {{'mblm.embed' op expects 'skip' to be in [0, 9), but got 9}}
  %0 = mblm.embed %ids, %t {skip = 9} : tensor<?x8xi32>, tensor<9x2xf32> -> tensor<?x8x2xf32>
  return
}

// -----

func.func @embed_grad_c1(%ids: tensor<?x8xi32>, %g: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.embed_grad' op expects 'bytes' to be at least 1, but got -2}}
  %0 = mblm.embed_grad %ids, %g {bytes = -2} : tensor<?x8xi32>, tensor<?x8x2xf32> -> tensor<9x2xf32>
  return
}

// -----

func.func @embed_grad_c2(%ids: tensor<?x8xi32>, %g: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.embed_grad' op expects dimension 1 of 'ids' to be dim(grad, 1) * bytes (16), but got 8}}
  %0 = mblm.embed_grad %ids, %g {bytes = 2} : tensor<?x8xi32>, tensor<?x8x2xf32> -> tensor<9x1xf32>
  return
}

// -----

func.func @embed_grad_c3(%ids: tensor<?x8xi32>, %g: tensor<?x8x2xf32>) {
  // expected-error@+1 {{'mblm.embed_grad' op expects 'skip' to be in [0, 9), but got -1}}
  %0 = mblm.embed_grad %ids, %g {skip = -1} : tensor<?x8xi32>, tensor<?x8x2xf32> -> tensor<9x2xf32>
  return
}

// -----

func.func @embed_bag_c1(%ids: tensor<2x12xi32>, %t: tensor<9x4xf32>) {
  // expected-error@+1 {{'mblm.embed_bag' op expects 'bag' to be at least 1, but got 0}}
  %0 = mblm.embed_bag %ids, %t bag 0 : tensor<2x12xi32>, tensor<9x4xf32> -> tensor<2x4x4xf32>
  return
}

// -----

func.func @embed_bag_c2(%ids: tensor<2x12xi32>, %t: tensor<9x4xf32>) {
  // expected-error@+1 {{'mblm.embed_bag' op expects dimension 1 of 'ids' to be dim(result, 1) * bag (8), but got 12}}
  %0 = mblm.embed_bag %ids, %t bag 2 : tensor<2x12xi32>, tensor<9x4xf32> -> tensor<2x4x4xf32>
  return
}

// -----

func.func @embed_bag_c2_width(%ids: tensor<2x12xi32>, %t: tensor<9x4xf32>) {
  // expected-error@+1 {{'mblm.embed_bag' op expects dimension 2 of 'result' to be dim(table, 1) (4), but got 5}}
  %0 = mblm.embed_bag %ids, %t bag 3 : tensor<2x12xi32>, tensor<9x4xf32> -> tensor<2x4x5xf32>
  return
}

// -----

func.func @embed_bag_grad_c1(%ids: tensor<2x12xi32>, %g: tensor<2x4x4xf32>) {
  // expected-error@+1 {{'mblm.embed_bag_grad' op expects 'bag' to be at least 1, but got -1}}
  %0 = mblm.embed_bag_grad %ids, %g bag -1 : tensor<2x12xi32>, tensor<2x4x4xf32> -> tensor<9x4xf32>
  return
}

// -----

func.func @embed_bag_grad_c2(%ids: tensor<2x11xi32>, %g: tensor<2x4x4xf32>) {
  // expected-error@+1 {{'mblm.embed_bag_grad' op expects dimension 1 of 'ids' to be dim(grad, 1) * bag (12), but got 11}}
  %0 = mblm.embed_bag_grad %ids, %g bag 3 : tensor<2x11xi32>, tensor<2x4x4xf32> -> tensor<9x4xf32>
  return
}

// -----

func.func @embed_bag_grad_c2_width(%ids: tensor<2x12xi32>, %g: tensor<2x4x4xf32>) {
  // expected-error@+1 {{'mblm.embed_bag_grad' op expects dimension 2 of 'grad' to be dim(result, 1) (12), but got 4}}
  %0 = mblm.embed_bag_grad %ids, %g bag 3 : tensor<2x12xi32>, tensor<2x4x4xf32> -> tensor<9x12xf32>
  return
}
