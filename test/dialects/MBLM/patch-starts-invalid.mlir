// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @patch_starts_c1(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects dimension 1 of 'result' to be dim(ids, 1) (8), but got 9}}
  %0 = mblm.patch_starts byte %ids : tensor<2x8xi32> -> tensor<2x9xi32>
  return
}

// -----

func.func @patch_starts_c1_next(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects dimension 1 of 'result' to be dim(ids, 1) + 1 (9), but got 8}}
  %0 = mblm.patch_starts byte %ids {next} : tensor<2x8xi32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_starts_c1_sequences(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects dimension 0 of 'result' to be dim(ids, 0) (2), but got 3}}
  %0 = mblm.patch_starts byte %ids : tensor<2x8xi32> -> tensor<3x8xi32>
  return
}

// -----

func.func @patch_starts_c2(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects 'entropies' and 'threshold' with mode 'entropy' alone, but got no entropies and a threshold with mode 'entropy'}}
  %0 = mblm.patch_starts entropy %ids {threshold = 1.0 : f32} : tensor<2x8xi32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_starts_c2_threshold(%ids: tensor<2x8xi32>, %h: tensor<2x8xf32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects 'entropies' and 'threshold' with mode 'entropy' alone, but got entropies and no threshold with mode 'entropy'}}
  %0 = mblm.patch_starts entropy %ids by %h : tensor<2x8xi32>, tensor<2x8xf32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_starts_c2_mode(%ids: tensor<2x8xi32>, %h: tensor<2x8xf32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects 'entropies' and 'threshold' with mode 'entropy' alone, but got entropies and no threshold with mode 'space'}}
  %0 = mblm.patch_starts space %ids by %h : tensor<2x8xi32>, tensor<2x8xf32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_starts_c2_shape(%ids: tensor<2x8xi32>, %h: tensor<2x9xf32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects dimension 1 of 'entropies' to be dim(ids, 1) (8), but got 9}}
  %0 = mblm.patch_starts entropy %ids by %h {threshold = 1.0 : f32} : tensor<2x8xi32>, tensor<2x9xf32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_starts_c3(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects 'size' to be at least 1, but got 0}}
  %0 = mblm.patch_starts static %ids : tensor<2x8xi32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_starts_c3_lead(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects 'lead' to be at least 0, but got -1}}
  %0 = mblm.patch_starts static %ids {size = 4, lead = -1} : tensor<2x8xi32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_starts_c3_max_length(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects 'max_length' to be at least 1, but got 0}}
  %0 = mblm.patch_starts space %ids {max_length = 0} : tensor<2x8xi32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_starts_c4(%ids: tensor<2x8xi32>, %h: tensor<2x8xf32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects 'threshold' to be a number, but got NaN}}
  %0 = mblm.patch_starts entropy %ids by %h {threshold = 0x7FC00000 : f32} : tensor<2x8xi32>, tensor<2x8xf32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_starts_c4_add(%ids: tensor<2x8xi32>, %h: tensor<2x8xf32>) {
  // expected-error@+1 {{'mblm.patch_starts' op expects 'threshold_add' to be a number, but got NaN}}
  %0 = mblm.patch_starts entropy %ids by %h {threshold = 1.0 : f32, threshold_add = 0x7FC00000 : f32} : tensor<2x8xi32>, tensor<2x8xf32> -> tensor<2x8xi32>
  return
}

// -----

func.func @patch_lengths_c1(%starts: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_lengths' op expects dimension 1 of 'result' to be dim(starts, 1) (8), but got 7}}
  %0 = mblm.patch_lengths %starts : tensor<2x8xi32> -> tensor<2x7xi32>
  return
}
