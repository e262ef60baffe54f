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

// -----

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

func.func @ranged_attention_c1(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %v: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op failed to verify that all of {query, result} have same type}}
  %0:2 = "mblm.ranged_attention"(%q, %k, %v, %r) {heads = 4 : i64, kv_heads = 2 : i64, scale = 0.5 : f64}
      : (tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>) -> (tensor<2x8x6xf32>, tensor<2x8x4xf32>)
  return
}

// -----

func.func @ranged_attention_c1_value(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %v: tensor<2x6x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op failed to verify that all of {key, value} have same type}}
  %0:2 = "mblm.ranged_attention"(%q, %k, %v, %r) {heads = 4 : i64, kv_heads = 2 : i64, scale = 0.5 : f64}
      : (tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x6x6xf32>, tensor<2x16xi32>) -> (tensor<2x8x12xf32>, tensor<2x8x4xf32>)
  return
}

// -----

func.func @ranged_attention_c2(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'kv_heads' to be at least 1, but got 0}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 0, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_groups(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'kv_heads' to divide 'heads', and these dim(query, 2) (12), but got 3 and 4}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 3, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_heads(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'kv_heads' to divide 'heads', and these dim(query, 2) (12), but got 5 and 5}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 5, kv_heads = 5, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_key(%q: tensor<2x8x12xf32>, %k: tensor<2x5x12xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects dimension 2 of 'key' to be dim(query, 2) / heads * kv_heads * per_row (6), but got 12}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x12xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_rows(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects dimension 2 of 'key' to be dim(query, 2) / heads * kv_heads * per_row (18), but got 6}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64, per_row = 3} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c2_no_rows(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'per_row' to be at least 1, but got 0}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64, per_row = 0} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c3(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects dimension 2 of 'lse' to be heads (4), but got 2}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x2xf32>
  return
}

// -----

func.func @ranged_attention_c3_ranges(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x10xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects dimension 1 of 'ranges' to be 2 * dim(query, 1) (16), but got 10}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x10xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_c4(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention' op expects 'scale' to be finite, but got +Inf}}
  %0:2 = mblm.ranged_attention %q, %k, %k in %r {heads = 4, kv_heads = 2, scale = 0x7FF0000000000000 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32> -> tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c1(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %v: tensor<2x5x6xf32>, %y: tensor<2x8x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op failed to verify that all of {grad, query, result, queryGrad} have same type}}
  %0:3 = "mblm.ranged_attention_grad"(%q, %q, %k, %v, %y, %lse, %r) {heads = 4 : i64, kv_heads = 2 : i64, scale = 0.5 : f64}
      : (tensor<2x8x12xf32>, tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x5x6xf32>, tensor<2x8x6xf32>, tensor<2x8x4xf32>, tensor<2x16xi32>)
      -> (tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x5x6xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c1_value(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %v: tensor<2x4x6xf32>, %y: tensor<2x8x12xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op failed to verify that all of {key, value, keyGrad, valueGrad} have same type}}
  %0:3 = "mblm.ranged_attention_grad"(%q, %q, %k, %v, %y, %lse, %r) {heads = 4 : i64, kv_heads = 2 : i64, scale = 0.5 : f64}
      : (tensor<2x8x12xf32>, tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x4x6xf32>, tensor<2x8x12xf32>, tensor<2x8x4xf32>, tensor<2x16xi32>)
      -> (tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x5x6xf32>)
  return
}

// -----

func.func @ranged_attention_grad_c2(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects 'heads' to be at least 1, but got 0}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 0, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c2_groups(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects 'kv_heads' to divide 'heads', and these dim(query, 2) (12), but got 3 and 4}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 3, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c2_key(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects dimension 2 of 'key' to be dim(query, 2) / heads * kv_heads * per_row (3), but got 6}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 1, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c2_sequences(%q: tensor<2x8x12xf32>, %k: tensor<3x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects dimension 0 of 'key' to be dim(query, 0) (2), but got 3}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<3x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c3(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x5x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects dimension 1 of 'lse' to be dim(query, 1) (8), but got 5}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x5x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c3_ranges(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x10xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects dimension 1 of 'ranges' to be 2 * dim(query, 1) (16), but got 10}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 2, scale = 0.5 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x10xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @ranged_attention_grad_c4(%q: tensor<2x8x12xf32>, %k: tensor<2x5x6xf32>, %lse: tensor<2x8x4xf32>, %r: tensor<2x16xi32>) {
  // expected-error@+1 {{'mblm.ranged_attention_grad' op expects 'scale' to be finite, but got NaN}}
  %0:3 = mblm.ranged_attention_grad %q, %q, %k, %k, %q, %lse in %r {heads = 4, kv_heads = 2, scale = 0x7FF8000000000000 : f64} : tensor<2x8x12xf32>, tensor<2x5x6xf32>, tensor<2x16xi32>, tensor<2x8x4xf32>
  return
}

// -----

func.func @entropy_c1(%x: tensor<2x8x4xf32>) {
  // expected-error@+1 {{'mblm.entropy' op expects dimension 1 of 'result' to be dim(logits, 1) (8), but got 4}}
  %0 = mblm.entropy %x : tensor<2x8x4xf32> -> tensor<2x4xf32>
  return
}
