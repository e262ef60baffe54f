// Flops of ops, shown by a pass from a plugin: a multiply-add is two, and attention counts the pairs that its mask shows.
// RUN: mblm-opt %s --load-pass-plugin=%count_ops_plugin --pass-pipeline='builtin.module(func.func(count-mblm-ops))' --verify-diagnostics

// 10 rows: 2 * 3 * 4 for each, and 4 for the bias.
// expected-remark@+1 {{1 ops, 280 flops}}
func.func @linear(%x: tensor<2x5x3xf32>, %w: tensor<4x3xf32>, %b: tensor<4xf32>) -> tensor<2x5x4xf32> {
  %y = mblm.linear %x, %w, %b : tensor<2x5x3xf32>, tensor<4x3xf32>, tensor<4xf32> -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// Transposed, the same: 10 rows, 2 * 4 * 3 for each.
// expected-remark@+1 {{1 ops, 240 flops}}
func.func @linear_transposed(%x: tensor<2x5x4xf32>, %w: tensor<4x3xf32>) -> tensor<2x5x3xf32> {
  %y = mblm.linear %x, %w {transposed} : tensor<2x5x4xf32>, tensor<4x3xf32> -> tensor<2x5x3xf32>
  return %y : tensor<2x5x3xf32>
}

// expected-remark@+1 {{1 ops, 240 flops}}
func.func @weight_grad(%g: tensor<2x5x4xf32>, %x: tensor<2x5x3xf32>) -> tensor<4x3xf32> {
  %y = mblm.weight_grad %g, %x : tensor<2x5x4xf32>, tensor<2x5x3xf32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// 2 sequences of 5 positions: 15 pairs, each of 4 * 4 for the products and 4 a head.
// expected-remark@+1 {{1 ops, 720 flops}}
func.func @causal(%x: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %y:2 = mblm.attention %x, %x, %x mask(causal) {heads = 2, scale = 0.5 : f64} : tensor<2x5x4xf32>, tensor<2x5x2xf32>
  return %y#0 : tensor<2x5x4xf32>
}

// Two blocks of two, and one of one: 3 + 3 + 1 pairs.
// expected-remark@+1 {{1 ops, 336 flops}}
func.func @block_causal(%x: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %y:2 = mblm.attention %x, %x, %x mask(block_causal, 2) {heads = 2, scale = 0.5 : f64}
    : tensor<2x5x4xf32>, tensor<2x5x2xf32>
  return %y#0 : tensor<2x5x4xf32>
}

// 25 pairs.
// expected-remark@+1 {{1 ops, 1200 flops}}
func.func @full(%x: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %y:2 = mblm.attention %x, %x, %x mask(full) {heads = 2, scale = 0.5 : f64} : tensor<2x5x4xf32>, tensor<2x5x2xf32>
  return %y#0 : tensor<2x5x4xf32>
}

// 15 pairs in each of 2 sequences, 10 * 4 and 5 a head for each; D takes 2 for each of 40 elements.
// expected-remark@+1 {{1 ops, 1580 flops}}
func.func @attention_grad(%x: tensor<2x5x4xf32>, %lse: tensor<2x5x2xf32>) -> tensor<2x5x4xf32> {
  %y:3 = mblm.attention_grad %x, %x, %x, %x, %x, %lse mask(causal) {heads = 2, scale = 0.5 : f64}
    : tensor<2x5x4xf32>, tensor<2x5x2xf32>
  return %y#0 : tensor<2x5x4xf32>
}

// Start rows alone: 2 rows of 4. Moving elements is free.
// expected-remark@+1 {{2 ops, 8 flops}}
func.func @starts(%x: tensor<2x5x4xf32>) -> tensor<4xf32> {
  %y = mblm.token_shift %x : tensor<2x5x4xf32>
  %z = mblm.reduce starts %y : tensor<2x5x4xf32> -> tensor<4xf32>
  return %z : tensor<4xf32>
}

// 40 elements each: 4 for the root mean square, 7 for the mean as well, 5 for the activation, 1 for the sum.
// expected-remark@+1 {{4 ops, 680 flops}}
func.func @elements(%x: tensor<2x5x4xf32>, %g: tensor<4xf32>) -> tensor<2x5x4xf32> {
  %0 = mblm.norm rms %x, %g {eps = 0.0 : f64} : tensor<2x5x4xf32>, tensor<4xf32> -> tensor<2x5x4xf32>
  %1 = mblm.norm layer %0, %g, %g {eps = 0.0 : f64} : tensor<2x5x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<2x5x4xf32>
  %2 = mblm.activation gelu %1 : tensor<2x5x4xf32>
  %3 = mblm.add %2, %x : tensor<2x5x4xf32>
  return %3 : tensor<2x5x4xf32>
}

// As @causal, and a product for each pair and head.
// expected-remark@+1 {{1 ops, 780 flops}}
func.func @causal_dropout(%x: tensor<2x5x4xf32>, %key: tensor<4xi32>) -> tensor<2x5x4xf32> {
  %y:2 = mblm.attention %x, %x, %x mask(causal) dropout %key {heads = 2, scale = 0.5 : f64, rate = 0.1 : f64, site = 0}
    : tensor<2x5x4xf32>, tensor<2x5x2xf32>
  return %y#0 : tensor<2x5x4xf32>
}

// expected-remark@+1 {{1 ops, 40 flops}}
func.func @dropout(%x: tensor<2x5x4xf32>, %key: tensor<4xi32>) -> tensor<2x5x4xf32> {
  %y = mblm.dropout %x key %key {rate = 0.1 : f64, site = 0} : tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// 40 elements: 4 for silu, 1 for the product, 2 for each of 3 taps and 1 for the bias.
// expected-remark@+1 {{3 ops, 480 flops}}
func.func @gated_convolution(%x: tensor<2x5x4xf32>, %w: tensor<4x3xf32>, %b: tensor<4xf32>) -> tensor<2x5x4xf32> {
  %0 = mblm.causal_conv %x, %w, %b : tensor<2x5x4xf32>, tensor<4x3xf32>, tensor<4xf32>
  %1 = mblm.activation silu %0 : tensor<2x5x4xf32>
  %2 = mblm.multiply %1, %x : tensor<2x5x4xf32>
  return %2 : tensor<2x5x4xf32>
}

// 40 elements with 3 states: 6 a state and 12; of their gradients 18 a state and 25.
// expected-remark@+1 {{2 ops, 4360 flops}}
func.func @scan(%x: tensor<2x5x4xf32>, %a: tensor<4x3xf32>, %b: tensor<2x5x3xf32>, %d: tensor<4xf32>) -> tensor<4x3xf32> {
  %0 = mblm.selective_scan %x, %x a %a b %b c %b skip %d gate %x
    : tensor<2x5x4xf32>, tensor<4x3xf32>, tensor<2x5x3xf32>, tensor<4xf32>, tensor<2x5x4xf32>
  %1:7 = mblm.selective_scan_grad %0, %x, %x a %a b %b c %b skip %d gate %x
    : tensor<2x5x4xf32>, tensor<4x3xf32>, tensor<2x5x3xf32>, tensor<4xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %1#2 : tensor<4x3xf32>
}

// 10 positions, 2 heads of 2 features with 3 states each, chunks of 5 positions: 5 * (2 * 3 + 4) for the pairs within a
// chunk, 4 * 4 * 3 for the states, 8 a head; three times that for the gradients.
// expected-remark@+1 {{2 ops, 4560 flops}}
func.func @ssd(%x: tensor<2x5x4xf32>, %dt: tensor<2x5x2xf32>, %h: tensor<2xf32>, %b: tensor<2x5x3xf32>) -> tensor<2xf32> {
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %h
    : tensor<2x5x4xf32>, tensor<2x5x2xf32>, tensor<2xf32>, tensor<2x5x3xf32>, tensor<2xf32>
  %1:7 = mblm.ssd_grad %0, %x, %dt bias %h a %h b %b c %b skip %h
    : tensor<2x5x4xf32>, tensor<2x5x2xf32>, tensor<2xf32>, tensor<2x5x3xf32>, tensor<2xf32>
  return %1#2 : tensor<2xf32>
}

// 10 positions: rows of 3 tables of width 4 are 2 sums an element, their gradients 3.
// expected-remark@+1 {{3 ops, 200 flops}}
func.func @bags(%ids: tensor<2x5xi32>, %table: tensor<40x4xf32>) -> tensor<40x4xf32> {
  %0 = mblm.ngram_rows %ids vocab 20 {sizes = array<i64: 2, 3>, functions = 1, rows = 10} : tensor<2x5xi32> -> tensor<2x15xi32>
  %1 = mblm.embed_bag %0, %table bag 3 : tensor<2x15xi32>, tensor<40x4xf32> -> tensor<2x5x4xf32>
  %2 = mblm.embed_bag_grad %0, %1 bag 3 : tensor<2x15xi32>, tensor<2x5x4xf32> -> tensor<40x4xf32>
  return %2 : tensor<40x4xf32>
}

// What stands where is integer work.
// expected-remark@+1 {{5 ops, 0 flops}}
func.func @ranges(%ids: tensor<2x5xi32>, %lengths: tensor<2x3xi32>) -> tensor<2x6xi32> {
  %0 = mblm.lead %ids count 2 : tensor<2x5xi32> -> tensor<2x7xi32>
  %1 = mblm.visible_bytes %0 : tensor<2x7xi32> -> tensor<2x14xi32>
  %2 = mblm.visible_patches %ids, %lengths : tensor<2x5xi32>, tensor<2x3xi32> -> tensor<2x6xi32>
  %3 = mblm.byte_patches %lengths, %ids : tensor<2x3xi32>, tensor<2x5xi32> -> tensor<2x10xi32>
  %4 = mblm.patch_bytes %lengths, %ids : tensor<2x3xi32>, tensor<2x5xi32> -> tensor<2x6xi32>
  return %4 : tensor<2x6xi32>
}

// 40 elements of bytes: 1 each for the pool, 2 for its gradient, 1 for the mean and none for what is only copied.
// expected-remark@+1 {{4 ops, 160 flops}}
func.func @pools(%x: tensor<2x5x4xf32>, %spans: tensor<2x6xi32>, %owners: tensor<2x10xi32>) -> tensor<2x5x4xf32> {
  %0 = mblm.pool max %x over %spans : tensor<2x5x4xf32>, tensor<2x6xi32> -> tensor<2x3x4xf32>
  %1 = mblm.pool_grad max %0, %x, %0 over %spans : tensor<2x3x4xf32>, tensor<2x5x4xf32>, tensor<2x6xi32>
  %2 = mblm.spread %0 by %owners : tensor<2x3x4xf32>, tensor<2x10xi32> -> tensor<2x5x4xf32>
  %3 = mblm.spread %0 by %owners of %spans {mean} : tensor<2x3x4xf32>, tensor<2x10xi32>, tensor<2x6xi32> -> tensor<2x5x4xf32>
  return %3 : tensor<2x5x4xf32>
}

// As many queries as keys count as causal, as @causal and @attention_grad; groups of keys save no work.
// expected-remark@+1 {{2 ops, 2300 flops}}
func.func @ranged(%x: tensor<2x5x4xf32>, %k: tensor<2x5x2xf32>, %ranges: tensor<2x10xi32>) -> tensor<2x5x2xf32> {
  %y, %lse = mblm.ranged_attention %x, %k, %k in %ranges {heads = 2, kv_heads = 1, scale = 0.5 : f64}
    : tensor<2x5x4xf32>, tensor<2x5x2xf32>, tensor<2x10xi32> -> tensor<2x5x2xf32>
  %d:3 = mblm.ranged_attention_grad %x, %x, %k, %k, %y, %lse in %ranges {heads = 2, kv_heads = 1, scale = 0.5 : f64}
    : tensor<2x5x4xf32>, tensor<2x5x2xf32>, tensor<2x10xi32>, tensor<2x5x2xf32>
  return %d#1 : tensor<2x5x2xf32>
}

// Between bytes and patches each of the longer side has one of the other: 2 * 5 pairs of 4 * 4 and 4 a head.
// expected-remark@+1 {{1 ops, 240 flops}}
func.func @crossing(%q: tensor<2x3x4xf32>, %x: tensor<2x5x4xf32>, %ranges: tensor<2x6xi32>) -> tensor<2x3x4xf32> {
  %y, %lse = mblm.ranged_attention %q, %x, %x in %ranges {heads = 2, kv_heads = 2, scale = 0.5 : f64}
    : tensor<2x3x4xf32>, tensor<2x5x4xf32>, tensor<2x6xi32> -> tensor<2x3x2xf32>
  return %y : tensor<2x3x4xf32>
}

// Behind a prefix of 2 the queries see 3, 4 and 5 of the keys: 2 * 12 pairs of 4 * 4 and 4 a head; half of a head is rotated.
// expected-remark@+1 {{3 ops, 612 flops}}
func.func @behind_a_prefix(%q: tensor<2x3x4xf32>, %x: tensor<2x5x4xf32>, %ids: tensor<2x5xi32>) -> tensor<2x3x4xf32> {
  %ranges = mblm.visible_bytes %ids {skip = 2} : tensor<2x5xi32> -> tensor<2x6xi32>
  %r = mblm.rope half_split %q from 2 {rotated = 2} : tensor<2x3x4xf32>
  %y, %lse = mblm.ranged_attention %r, %x, %x in %ranges {heads = 2, kv_heads = 2, scale = 0.5 : f64}
    : tensor<2x3x4xf32>, tensor<2x5x4xf32>, tensor<2x6xi32> -> tensor<2x3x2xf32>
  return %y : tensor<2x3x4xf32>
}

// 40 elements: maximum, difference, exponential, two sums and a product.
// expected-remark@+1 {{1 ops, 240 flops}}
func.func @entropy(%x: tensor<2x5x4xf32>) -> tensor<2x5xf32> {
  %0 = mblm.entropy %x : tensor<2x5x4xf32> -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}
