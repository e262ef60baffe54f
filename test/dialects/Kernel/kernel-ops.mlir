// Every kernel op, with every optional part, survives printing, parsing and bytecode.
// RUN: mblm-opt %s --verify-roundtrip | FileCheck %s

// Spaces are linear forms of B, M and P.
// CHECK-LABEL: func @spaces
func.func @spaces(%x: tensor<?x?x8xf32>) {
  // CHECK: kernel.view <4*B*M + 2*B + 3*M + 1 x 9> %{{[a-z0-9_]+}} : tensor<?x?x8xf32> -> tensor<?x9x8xf32>
  %0 = kernel.view <1 + 4*B*M + 2*B + 3*M x 9> %x : tensor<?x?x8xf32> -> tensor<?x9x8xf32>
  // CHECK: kernel.view <B x M + 1> %{{[a-z0-9_]+}} : tensor<?x9x8xf32> -> tensor<?x?x8xf32>
  %1 = kernel.view <B x M + 1> %0 : tensor<?x9x8xf32> -> tensor<?x?x8xf32>
  return
}

// CHECK-LABEL: func @row_programs
func.func @row_programs(%x: tensor<?x?x8xf32>, %ids: tensor<?x?xi32>) {
  // CHECK: kernel.rows <B x M> columns 8 in 2 x 4 block_sums [1](%[[X:[a-z0-9_]+]], %[[IDS:[a-z0-9_]+]]) :
  // CHECK-SAME: (tensor<?x?x8xf32>, tensor<?x?xi32>) -> (tensor<?x?x8xf32>, tensor<?x8xf32>, tensor<?x?xf32>) {
  %0:3 = kernel.rows <B x M> columns 8 in 2 x 4 block_sums [1](%x, %ids)
      : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> (tensor<?x?x8xf32>, tensor<?x8xf32>, tensor<?x?xf32>) {
  // CHECK-NEXT: ^bb0(%[[IN:[a-z0-9_]+]]: tensor<?x?x8xf32>, %[[BYTES:[a-z0-9_]+]]: tensor<?x?xi32>, %[[K:[a-z0-9_]+]]: index, %[[T:[a-z0-9_]+]]: index,
  // CHECK-SAME: %[[J:[a-z0-9_]+]]: index, %[[D:[a-z0-9_]+]]: index, %[[C:[a-z0-9_]+]]: index):
  ^bb0(%in: tensor<?x?x8xf32>, %bytes: tensor<?x?xi32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    // CHECK-NEXT: kernel.load %[[BYTES]][%[[K]], %[[T]]] : tensor<?x?xi32> -> i32
    %id = kernel.load %bytes[%k, %t] : tensor<?x?xi32> -> i32
    // CHECK-NEXT: %[[M:[a-z0-9_]+]] = kernel.slots
    %m = kernel.slots
    // CHECK-NEXT: %[[V:[a-z0-9_]+]] = kernel.load %[[IN]][%[[K]], %[[M]], %[[C]]] or_zero : tensor<?x?x8xf32> -> f32
    %v = kernel.load %in[%k, %m, %c] or_zero : tensor<?x?x8xf32> -> f32
    // CHECK-NEXT: %[[SUM:[a-z0-9_]+]] = kernel.row_sum %[[V]]
    %sum = kernel.row_sum %v
    // CHECK-NEXT: %[[TOP:[a-z0-9_]+]] = kernel.row_max %[[V]]
    %top = kernel.row_max %v
    // CHECK-NEXT: %[[OTHER:[a-z0-9_]+]] = kernel.swap_pairs %[[V]]
    %other = kernel.swap_pairs %v
    // CHECK-NEXT: kernel.yield %[[OTHER]], %[[SUM]], %[[TOP]] : f32, f32, f32
    kernel.yield %other, %sum, %top : f32, f32, f32
  }
  // CHECK: kernel.pack_rows <B x M> columns 8 in 1 x 8(%[[X]]) : (tensor<?x?x8xf32>) -> tensor<?x1x256x32xf32> {
  %1 = kernel.pack_rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x1x256x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return
}

// CHECK-LABEL: func @gemm
func.func @gemm(%x: tensor<?x?x8xf32>, %bias: tensor<40xf32>) {
  // CHECK: %[[W:[a-z0-9_]+]] = kernel.weight [@a, @b] at 48 : tensor<40x8xf32>
  %w = kernel.weight [@a, @b] at 48 : tensor<40x8xf32>
  // CHECK: %[[P:[a-z0-9_]+]] = kernel.pack %[[W]] : tensor<40x8xf32> -> tensor<2x8x32xf32>
  %p = kernel.pack %w : tensor<40x8xf32> -> tensor<2x8x32xf32>
  // CHECK: kernel.pack %[[W]] {transposed} : tensor<40x8xf32> -> tensor<1x40x32xf32>
  %q = kernel.pack %w {transposed} : tensor<40x8xf32> -> tensor<1x40x32xf32>
  // CHECK: kernel.gemm <B x M> depth 8 in 2 x 4 columns 40 in 5 x 8 block_sums [1](%{{[a-z0-9_]+}}) packed %[[P]] epilogue(%{{[a-z0-9_]+}}) :
  // CHECK-SAME: (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> (tensor<?x?x40xf32>, tensor<?x40xf32>) {
  %0:2 = kernel.gemm <B x M> depth 8 in 2 x 4 columns 40 in 5 x 8 block_sums [1](%x) packed %p epilogue(%bias)
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>) -> (tensor<?x?x40xf32>, tensor<?x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  // CHECK: }, {
  }, {
  ^bb0(%product: tensor<?x?x40xf32>, %b: tensor<40xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %product[%k, %t, %c] : tensor<?x?x40xf32> -> f32
    kernel.yield %v, %v : f32, f32
  }
  return
}

// CHECK-LABEL: func @gradients
func.func @gradients(%x: tensor<?x?x8xf32>, %rows: tensor<?x1x256x32xf32>, %sums: tensor<?x8xf32>, %ids: tensor<?x?xi32>,
                     %hyper: tensor<8xf32>, %decay: tensor<3xf32>) {
  // CHECK: kernel.weight_gemm <B x M> %[[X:[a-z0-9_]+]], %{{[a-z0-9_]+}} columns 8 depth 8 into [@a, @b] at 16 :
  // CHECK-SAME: tensor<?x?x8xf32>, tensor<?x1x256x32xf32>
  kernel.weight_gemm <B x M> %x, %rows columns 8 depth 8 into [@a, @b] at 16 : tensor<?x?x8xf32>, tensor<?x1x256x32xf32>
  // CHECK: kernel.reduce <B x M> %[[X]] sums <0 x M> into [@a] at 0 : tensor<?x?x8xf32>
  kernel.reduce <B x M> %x sums <0 x M> into [@a] at 0 : tensor<?x?x8xf32>
  // CHECK: kernel.reduce <B x M> %{{[a-z0-9_]+}} sums <0 x 1> into [@a] at 0 {blocks} : tensor<?x8xf32>
  kernel.reduce <B x M> %sums sums <0 x 1> into [@a] at 0 {blocks} : tensor<?x8xf32>
  // CHECK: kernel.embed_grad <B x M> %[[IDS:[a-z0-9_]+]], %[[X]] depth 4 into [@a] at 0 : tensor<?x?xi32>, tensor<?x?x8xf32>
  kernel.embed_grad <B x M> %ids, %x depth 4 into [@a] at 0 : tensor<?x?xi32>, tensor<?x?x8xf32>
  // CHECK: kernel.embed_grad <B x M> %[[IDS]], %[[X]] depth 4 skip 256 into [@a] at 0 :
  kernel.embed_grad <B x M> %ids, %x depth 4 skip 256 into [@a] at 0 : tensor<?x?xi32>, tensor<?x?x8xf32>
  // CHECK: kernel.embed_grad <B x 5*M> %[[IDS]], %[[X]] depth 8 into [@a] at 0 {bag = 5 : i64} :
  kernel.embed_grad <B x 5*M> %ids, %x depth 8 into [@a] at 0 {bag = 5} : tensor<?x?xi32>, tensor<?x?x8xf32>
  // CHECK: kernel.update %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} : tensor<8xf32>, tensor<3xf32> -> tensor<f32>
  %norm = kernel.update %hyper, %decay : tensor<8xf32>, tensor<3xf32> -> tensor<f32>
  return
}

// CHECK-LABEL: func @attention
func.func @attention(%qkv: tensor<?x?x48xf32>, %g: tensor<?x?x16xf32>, %key: tensor<4xi32>) {
  // CHECK: %[[TABLE:[a-z0-9_]+]] = kernel.rope_table <1 x M> half_split 8 base 1.000000e+04 : tensor<?x8xf32>
  %table = kernel.rope_table <1 x M> half_split 8 base 1.0e4 : tensor<?x8xf32>
  // CHECK: kernel.rope_table <1 x 5> interleaved 8 base 5.000000e+02 : tensor<5x16xf32>
  %pairs = kernel.rope_table <1 x 5> interleaved 8 base 5.0e2 : tensor<5x16xf32>
  // CHECK: %[[Y:[a-z0-9_]+]], %[[LSE:[a-z0-9_]+]] = kernel.attention <B x M> %[[QKV:[a-z0-9_]+]], %[[QKV]], %[[QKV]] at [0, 16, 32] rotated %[[TABLE]]
  // CHECK-SAME: mask(causal) {head_dim = 8 : i64, heads = 2 : i64, scale = 1.000000e+00 : f64} :
  %y, %lse = kernel.attention <B x M> %qkv, %qkv, %qkv at [0, 16, 32] rotated %table mask(causal)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x8xf32>)
      -> (tensor<?x?x16xf32>, tensor<?x?x2xf32>)
  // CHECK: kernel.attention <B x M> %[[QKV]], %[[QKV]], %[[QKV]] at [0, 16, 32] mask(block_causal, 4) {{{.*}}} :
  %z, %lse2 = kernel.attention <B x M> %qkv, %qkv, %qkv at [0, 16, 32] mask(block_causal, 4)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>) -> (tensor<?x?x16xf32>, tensor<?x?x2xf32>)
  // CHECK: kernel.attention_grad <B x M> %{{[a-z0-9_]+}}, %[[QKV]], %[[QKV]], %[[QKV]], %[[Y]], %[[LSE]] at [0, 16, 32]
  // CHECK-SAME: rotated %[[TABLE]] mask(full) {{{.*}}} :
  %d = kernel.attention_grad <B x M> %g, %qkv, %qkv, %qkv, %y, %lse at [0, 16, 32] rotated %table mask(full)
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x?x16xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x16xf32>,
         tensor<?x?x2xf32>, tensor<?x8xf32>) -> tensor<?x?x48xf32>
  // CHECK: %[[KEY:[a-z0-9_]+]] = kernel.dropout_key %{{[a-z0-9_]+}} rate 1.000000e-01 site 3 : tensor<4xi32> -> tensor<6xi32>
  %site = kernel.dropout_key %key rate 1.0e-1 site 3 : tensor<4xi32> -> tensor<6xi32>
  // CHECK: kernel.attention <B x M> %[[QKV]], %[[QKV]], %[[QKV]] at [0, 16, 32] mask(causal) dropout %[[KEY]] {{{.*}}} :
  %w, %lse3 = kernel.attention <B x M> %qkv, %qkv, %qkv at [0, 16, 32] mask(causal) dropout %site
      {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<6xi32>)
      -> (tensor<?x?x16xf32>, tensor<?x?x2xf32>)
  // CHECK: kernel.attention_grad {{.*}} rotated %[[TABLE]] mask(causal) dropout %[[KEY]] {{{.*}}} :
  %e = kernel.attention_grad <B x M> %g, %qkv, %qkv, %qkv, %w, %lse3 at [0, 16, 32] rotated %table mask(causal)
      dropout %site {head_dim = 8 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x?x16xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x48xf32>, tensor<?x?x16xf32>,
         tensor<?x?x2xf32>, tensor<?x8xf32>, tensor<6xi32>) -> tensor<?x?x48xf32>
  // CHECK: kernel.rows <B x M> columns 16 in 1 x 16(%{{[a-z0-9_]+}}, %[[KEY]])
  %f = kernel.rows <B x M> columns 16 in 1 x 16(%g, %site) : (tensor<?x?x16xf32>, tensor<6xi32>) -> tensor<?x?x16xf32> {
  ^bb0(%in: tensor<?x?x16xf32>, %drop: tensor<6xi32>, %k: index, %t: index, %j: index, %d1: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x16xf32> -> f32
    // CHECK: kernel.keep %{{[a-z0-9_]+}}[%{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}] of 16 : tensor<6xi32>
    %m = kernel.keep %drop[%t, %c] of 16 : tensor<6xi32>
    %r = arith.mulf %v, %m : f32
    kernel.yield %r : f32
  }
  return
}

// CHECK-LABEL: func @loss
func.func @loss(%x: tensor<?x?x8xf32>, %p: tensor<2x8x32xf32>, %q: tensor<1x40x32xf32>, %b: tensor<40xf32>,
                %ids: tensor<?x?xi32>, %mask: tensor<?x?xf32>) {
  // CHECK: %[[LOSS:[a-z0-9_]+]], %[[LSE:[a-z0-9_]+]] = kernel.cross_entropy <B x M> depth 8 in 1 x 8 columns 40 targets %{{[a-z0-9_]+}} at 1 ignore 39
  // CHECK-SAME: (%{{[a-z0-9_]+}}) packed %{{[a-z0-9_]+}} bias %{{[a-z0-9_]+}} :
  %loss, %lse = kernel.cross_entropy <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1 ignore 39(%x) packed %p bias %b
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<40xf32>, tensor<?x?xi32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  // CHECK: kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %{{[a-z0-9_]+}} at 1 ignore 39(%{{[a-z0-9_]+}})
  // CHECK-SAME: packed %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} bias %{{[a-z0-9_]+}} grad %[[LOSS]] lse %[[LSE]] :
  %y:3 = kernel.cross_entropy_grad <B x M> depth 8 in 1 x 8 columns 40 targets %ids at 1 ignore 39(%x) packed %p, %q bias %b
      grad %loss lse %lse
      : (tensor<?x?x8xf32>, tensor<2x8x32xf32>, tensor<1x40x32xf32>, tensor<40xf32>, tensor<?x?xi32>, tensor<?x?xf32>,
         tensor<?x?xf32>) -> (tensor<?x?x8xf32>, tensor<16x1x320xf32>, tensor<16x1x40xf32>) {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  // CHECK: kernel.mean_loss <B x M> targets %[[LOSS]], %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} at 1 ignore 39 :
  %m:3 = kernel.mean_loss <B x M> targets %loss, %mask, %ids at 1 ignore 39
      : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xi32>) -> (tensor<f32>, tensor<f32>, tensor<f32>)
  return
}

// CHECK-LABEL: func @ssd
func.func @ssd(%g: tensor<?x?x8xf32>, %x: tensor<?x?x24xf32>, %dt: tensor<?x?x5xf32>, %h: tensor<4xf32>, %s: tensor<8xf32>) {
  // CHECK: kernel.ssd <B x M> %[[X:[a-z0-9_]+]], %[[DT:[a-z0-9_]+]], %[[X]], %[[X]] at [0, 1, 8, 16] bias %[[H:[a-z0-9_]+]] a %[[H]] skip %[[S:[a-z0-9_]+]]
  // CHECK-SAME: {chunk = 256 : i64, dt_max = 0x7FF0000000000000 : f64, dt_min = 0.000000e+00 : f64, groups = 2 : i64, head_dim = 2 : i64, heads = 4 : i64, states = 4 : i64}
  %y = kernel.ssd <B x M> %x, %dt, %x, %x at [0, 1, 8, 16] bias %h a %h skip %s
    {heads = 4 : i64, head_dim = 2 : i64, groups = 2 : i64, states = 4 : i64, chunk = 256 : i64, dt_min = 0.0 : f64, dt_max = 0x7FF0000000000000 : f64}
    : (tensor<?x?x24xf32>, tensor<?x?x5xf32>, tensor<?x?x24xf32>, tensor<?x?x24xf32>, tensor<4xf32>, tensor<4xf32>, tensor<8xf32>)
    -> tensor<?x?x8xf32>
  // CHECK: kernel.ssd_grad <B x M> %{{[a-z0-9_]+}}, %[[X]], %[[DT]], %[[X]], %[[X]] at [0, 1, 8, 16] bias %[[H]] a %[[H]] skip %[[S]]
  %d:7 = kernel.ssd_grad <B x M> %g, %x, %dt, %x, %x at [0, 1, 8, 16] bias %h a %h skip %s
    {heads = 4 : i64, head_dim = 2 : i64, groups = 2 : i64, states = 4 : i64, chunk = 256 : i64, dt_min = 0.0 : f64, dt_max = 1.0 : f64}
    : (tensor<?x?x8xf32>, tensor<?x?x24xf32>, tensor<?x?x5xf32>, tensor<?x?x24xf32>, tensor<?x?x24xf32>, tensor<4xf32>, tensor<4xf32>,
       tensor<8xf32>)
    -> (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x8xf32>)
  return
}

// CHECK-LABEL: func @prefix
func.func @prefix(%x: tensor<?x?x8xf32>) {
  // CHECK: %[[Y:[a-z0-9_]+]]:2 = kernel.prefix <B x M>(%[[X:[a-z0-9_]+]], %[[X]]) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %y:2 = kernel.prefix <B x M>(%x, %x) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    %p = arith.mulf %a, %c : f32
    // CHECK: kernel.yield %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} : f32, f32
    kernel.yield %p, %d : f32, f32
  }
  // CHECK: kernel.prefix_grad <B x M>(%[[X]]) states(%[[Y]]#0) inputs(%[[X]])
  %d = kernel.prefix_grad <B x M>(%x) states(%y#0) inputs(%x)
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%l: f32, %r: f32, %g: f32):
    kernel.yield %g, %g : f32, f32
  }
  return
}

// CHECK-LABEL: func @integers
func.func @integers(%ids: tensor<?x?xi32>, %lengths: tensor<?x?xi32>) {
  // CHECK: kernel.integers <B x 1>(%{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}) into <B x 2*P> : (tensor<?x?xi32>, tensor<?x?xi32>) -> tensor<?x?xi32> {
  %0 = kernel.integers <B x 1> (%ids, %lengths) into <B x 2*P> : (tensor<?x?xi32>, tensor<?x?xi32>) -> tensor<?x?xi32> {
  // CHECK-NEXT: ^bb0(%[[IN:[a-z0-9_]+]]: tensor<?x?xi32>, %[[LENGTHS:[a-z0-9_]+]]: tensor<?x?xi32>, %[[OUT:[a-z0-9_]+]]: tensor<?x?xi32>,
  // CHECK-SAME: %[[K:[a-z0-9_]+]]: index, %[[T:[a-z0-9_]+]]: index):
  ^bb0(%in: tensor<?x?xi32>, %l: tensor<?x?xi32>, %out: tensor<?x?xi32>, %k: index, %t: index):
    // CHECK-NEXT: kernel.extent %[[LENGTHS]] : tensor<?x?xi32>
    %n = kernel.extent %l : tensor<?x?xi32>
    // CHECK-NEXT: %[[ID:[a-z0-9_]+]] = kernel.get_id %[[IN]][%[[K]], %[[T]]] : tensor<?x?xi32>
    %id = kernel.get_id %in[%k, %t] : tensor<?x?xi32>
    %key = arith.index_cast %id : index to i64
    // CHECK: %[[PLACE:[a-z0-9_]+]] = kernel.find %{{[a-z0-9_]+}} in [1, -1] at [7, 0]
    %place = kernel.find %key in [1, -1] at [7, 0]
    // CHECK-NEXT: kernel.set_id %[[PLACE]], %[[OUT]][%[[K]], %[[T]]] : tensor<?x?xi32>
    kernel.set_id %place, %out[%k, %t] : tensor<?x?xi32>
  }
  return
}

// CHECK-LABEL: func @along_ranges
func.func @along_ranges(%x: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %r: tensor<?x?xi32>) {
  // CHECK: %[[Y:[a-z0-9_]+]] = kernel.pool <B x P> mean %[[X:[a-z0-9_]+]] over %[[R:[a-z0-9_]+]] of <B x M + 2> :
  // CHECK-SAME: (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x8xf32>
  %0 = kernel.pool <B x P> mean %x over %r of <B x M + 2> : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x8xf32>
  // CHECK: kernel.pool_grad <B x P> %[[Y]], %[[X]], %[[Y]] over %[[R]] of <B x M> :
  %1 = kernel.pool_grad <B x P> %0, %x, %0 over %r of <B x M>
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x8xf32>
  // CHECK: %[[A:[a-z0-9_]+]], %[[LSE:[a-z0-9_]+]] = kernel.ranged_attention <B x M> %[[X]], %[[K:[a-z0-9_]+]], %[[K]] of <B x 2*P> in %[[R]]
  // CHECK-SAME: {head_dim = 2 : i64, heads = 4 : i64, kv_heads = 2 : i64, scale = 1.000000e+00 : f64} :
  %2, %lse = kernel.ranged_attention <B x M> %x, %k, %k of <B x 2*P> in %r
      {head_dim = 2 : i64, heads = 4 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32>) -> (tensor<?x?x8xf32>, tensor<?x?x4xf32>)
  // CHECK: kernel.ranged_attention_grad <B x M> %[[X]], %[[X]], %[[K]], %[[K]], %[[A]], %[[LSE]] of <B x 2*P> in %[[R]] {{{.*}}} :
  %3:3 = kernel.ranged_attention_grad <B x M> %x, %x, %k, %k, %2, %lse of <B x 2*P> in %r
      {head_dim = 2 : i64, heads = 4 : i64, kv_heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?xi32>)
      -> (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>)
  return
}

// CHECK-LABEL: func @hidden
func.func @hidden(%x: tensor<?x?x4xf32>, %h: tensor<?x?xi32>, %key: tensor<6xi32>) {
  // CHECK: kernel.attention <B x M> %[[X:[a-z0-9_]+]], %[[X]], %[[X]] at [0, 0, 0] mask(full) hides %[[H:[a-z0-9_]+]] dropout %{{[a-z0-9_]+}} {{{.*}}} :
  %y, %lse = kernel.attention <B x M> %x, %x, %x at [0, 0, 0] mask(full) hides %h dropout %key
      {head_dim = 2 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?xi32>, tensor<6xi32>)
      -> (tensor<?x?x4xf32>, tensor<?x?x2xf32>)
  // CHECK: kernel.attention_grad {{.*}} at [0, 0, 0] mask(full) hides %[[H]] {{{.*}}} :
  %d = kernel.attention_grad <B x M> %y, %x, %x, %x, %y, %lse at [0, 0, 0] mask(full) hides %h
      {head_dim = 2 : i64, heads = 2 : i64, scale = 1.0 : f64}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>,
         tensor<?x?x2xf32>, tensor<?x?xi32>) -> tensor<?x?x12xf32>
  return
}
