// Each function breaks the constraint that it is named after.
// RUN: mblm-opt %s --split-input-file --verify-diagnostics

func.func @lead_c1(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.lead' op expects 'count' to be at least 0, but got -1}}
  %0 = mblm.lead %ids count -1 : tensor<2x8xi32> -> tensor<2x7xi32>
  return
}

// -----

func.func @lead_c2(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.lead' op expects dimension 1 of 'result' to be dim(ids, 1) + count (10), but got 9}}
  %0 = mblm.lead %ids count 2 : tensor<2x8xi32> -> tensor<2x9xi32>
  return
}

// -----

func.func @ngram_rows_c1(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects 'sizes' from 1 to 64, but got 65}}
  %0 = mblm.ngram_rows %ids vocab 5 {sizes = array<i64: 65>, functions = 1, rows = 7} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @ngram_rows_c1_none(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects 'sizes' from 1 to 64, but got 0}}
  %0 = mblm.ngram_rows %ids vocab 5 {sizes = array<i64: 3, 0>, functions = 1, rows = 7} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @ngram_rows_c1_vocab(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects 'vocab' to be at least 1, but got 0}}
  %0 = mblm.ngram_rows %ids vocab 0 {} : tensor<2x8xi32> -> tensor<2x8xi32>
  return
}

// -----

func.func @ngram_rows_c1_functions(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects 'functions' to be from 0 to 11, but got 12}}
  %0 = mblm.ngram_rows %ids vocab 5 {sizes = array<i64: 3>, functions = 12, rows = 7} : tensor<2x8xi32> -> tensor<2x104xi32>
  return
}

// -----

func.func @ngram_rows_c1_rows(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects 'rows' to be at least 1, but got 0}}
  %0 = mblm.ngram_rows %ids vocab 5 {sizes = array<i64: 3>, functions = 1} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @ngram_rows_c2(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects dimension 1 of 'result' to be dim(ids, 1) * n (40), but got 32}}
  %0 = mblm.ngram_rows %ids vocab 5 {sizes = array<i64: 3, 4>, functions = 2, rows = 7} : tensor<2x8xi32> -> tensor<2x32xi32>
  return
}

// -----

func.func @ngram_rows_c3(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects 1 'list_keys' and 'list_places', one for each of 'list_lengths', but got 2 and 1}}
  %0 = mblm.ngram_rows %ids vocab 5 {list_lengths = array<i64: 2>, list_keys = [array<i64: 1>, array<i64: 2>], list_places = [array<i64: 0>]} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @ngram_rows_c3_places(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects 1 'list_keys' and 'list_places', one for each of 'list_lengths', but got 1 and 0}}
  %0 = mblm.ngram_rows %ids vocab 5 {list_lengths = array<i64: 2>, list_keys = [array<i64: 1>]} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @ngram_rows_c3_sizes(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects a place for each key of list 0, but got 1 places for 2 keys}}
  %0 = mblm.ngram_rows %ids vocab 5 {list_lengths = array<i64: 2>, list_keys = [array<i64: 1, 2>], list_places = [array<i64: 0>]} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @ngram_rows_c3_length(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects n-grams of lists to have at least one id and vocab^length below 2^64, but got length 8}}
  %0 = mblm.ngram_rows %ids vocab 256 {list_lengths = array<i64: 8>, list_keys = [array<i64: 1>], list_places = [array<i64: 0>]} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @ngram_rows_c3_no_id(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects n-grams of lists to have at least one id and vocab^length below 2^64, but got length 0}}
  %0 = mblm.ngram_rows %ids vocab 5 {list_lengths = array<i64: 0>, list_keys = [array<i64: 1>], list_places = [array<i64: 0>]} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @ngram_rows_c3_order(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects the keys of list 0 in increasing order}}
  %0 = mblm.ngram_rows %ids vocab 5 {list_lengths = array<i64: 2>, list_keys = [array<i64: -1, 2>], list_places = [array<i64: 0, 1>]} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @ngram_rows_c4(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.ngram_rows' op expects tables of fewer than 2^31 rows together, but got 2147483648}}
  %0 = mblm.ngram_rows %ids vocab 5 {sizes = array<i64: 3>, functions = 1, rows = 2147483643} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @visible_bytes_c1(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.visible_bytes' op expects 'window' to be at least 1, but got 0}}
  %0 = mblm.visible_bytes %ids window 0 : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @visible_bytes_c2_skip(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.visible_bytes' op expects dimension 1 of 'result' to be 2 * (dim(ids, 1) - skip) (10), but got 16}}
  %0 = mblm.visible_bytes %ids {skip = 3} : tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @visible_bytes_c3(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.visible_bytes' op expects 'skip' to be at least 0, but got -1}}
  %0 = mblm.visible_bytes %ids {skip = -1} : tensor<2x8xi32> -> tensor<2x18xi32>
  return
}

// -----

func.func @visible_bytes_c2(%ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.visible_bytes' op expects dimension 1 of 'result' to be 2 * dim(ids, 1) (16), but got 8}}
  %0 = mblm.visible_bytes %ids : tensor<2x8xi32> -> tensor<2x8xi32>
  return
}

// -----

func.func @visible_patches_c1(%ids: tensor<2x8xi32>, %lengths: tensor<2x3xi32>) {
  // expected-error@+1 {{'mblm.visible_patches' op expects 'lead' to be at least 0, but got -1}}
  %0 = mblm.visible_patches %ids, %lengths {lead = -1} : tensor<2x8xi32>, tensor<2x3xi32> -> tensor<2x6xi32>
  return
}

// -----

func.func @visible_patches_c2(%ids: tensor<2x8xi32>, %lengths: tensor<2x3xi32>) {
  // expected-error@+1 {{'mblm.visible_patches' op expects dimension 1 of 'result' to be 2 * dim(lengths, 1) (6), but got 16}}
  %0 = mblm.visible_patches %ids, %lengths : tensor<2x8xi32>, tensor<2x3xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @visible_patches_c3(%ids: tensor<2x8xi32>, %lengths: tensor<3x3xi32>) {
  // expected-error@+1 {{'mblm.visible_patches' op expects dimension 0 of 'lengths' to be dim(ids, 0) (2), but got 3}}
  %0 = mblm.visible_patches %ids, %lengths : tensor<2x8xi32>, tensor<3x3xi32> -> tensor<3x6xi32>
  return
}

// -----

func.func @patch_bytes_c1(%lengths: tensor<2x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_bytes' op expects 'rows' to be at least 1, but got 0}}
  %0 = mblm.patch_bytes %lengths, %ids {rows = 0} : tensor<2x3xi32>, tensor<2x8xi32> -> tensor<2x6xi32>
  return
}

// -----

func.func @patch_bytes_c1_window(%lengths: tensor<2x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_bytes' op expects 'window' to be at least 1, but got 0}}
  %0 = mblm.patch_bytes %lengths, %ids {window = 0} : tensor<2x3xi32>, tensor<2x8xi32> -> tensor<2x6xi32>
  return
}

// -----

func.func @patch_bytes_c1_lead(%lengths: tensor<2x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_bytes' op expects 'lead' to be at least 0, but got -1}}
  %0 = mblm.patch_bytes %lengths, %ids {lead = -1} : tensor<2x3xi32>, tensor<2x8xi32> -> tensor<2x6xi32>
  return
}

// -----

func.func @patch_bytes_c2(%lengths: tensor<2x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_bytes' op expects dimension 1 of 'result' to be 2 * dim(lengths, 1) * rows (12), but got 7}}
  %0 = mblm.patch_bytes %lengths, %ids {rows = 2} : tensor<2x3xi32>, tensor<2x8xi32> -> tensor<2x7xi32>
  return
}

// -----

func.func @patch_bytes_c3(%lengths: tensor<3x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.patch_bytes' op expects dimension 0 of 'lengths' to be dim(ids, 0) (2), but got 3}}
  %0 = mblm.patch_bytes %lengths, %ids : tensor<3x3xi32>, tensor<2x8xi32> -> tensor<2x6xi32>
  return
}

// -----

func.func @byte_patches_c1(%lengths: tensor<2x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.byte_patches' op expects 'rows' to be at least 1, but got 0}}
  %0 = mblm.byte_patches %lengths, %ids {rows = 0} : tensor<2x3xi32>, tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @byte_patches_c1_window(%lengths: tensor<2x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.byte_patches' op expects 'window' to be at least 1, but got 0}}
  %0 = mblm.byte_patches %lengths, %ids {window = 0} : tensor<2x3xi32>, tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @byte_patches_c1_lead(%lengths: tensor<2x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.byte_patches' op expects 'lead' to be at least 0, but got -1}}
  %0 = mblm.byte_patches %lengths, %ids {lead = -1} : tensor<2x3xi32>, tensor<2x8xi32> -> tensor<2x16xi32>
  return
}

// -----

func.func @byte_patches_c2(%lengths: tensor<2x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.byte_patches' op expects dimension 1 of 'result' to be 2 * dim(ids, 1) (16), but got 7}}
  %0 = mblm.byte_patches %lengths, %ids {rows = 2} : tensor<2x3xi32>, tensor<2x8xi32> -> tensor<2x7xi32>
  return
}

// -----

func.func @byte_patches_c3(%lengths: tensor<3x3xi32>, %ids: tensor<2x8xi32>) {
  // expected-error@+1 {{'mblm.byte_patches' op expects dimension 0 of 'lengths' to be dim(ids, 0) (2), but got 3}}
  %0 = mblm.byte_patches %lengths, %ids : tensor<3x3xi32>, tensor<2x8xi32> -> tensor<2x16xi32>
  return
}
