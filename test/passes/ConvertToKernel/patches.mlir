// Ops on patches that the data decides. What stands where is integer code, for each position or sequence; what goes along ranges is an
// anchor, or a row program that looks its row up.
// RUN: mblm-opt %s --split-input-file --mblm-convert-to-kernel | FileCheck %s
// RUN: mblm-opt %s --split-input-file --mblm-convert-to-kernel="fuse=false" | FileCheck %s

// Ids before the sequence are zeros; of the n-grams, each table's row begins where the tables before it end: 9 rows of ids, 20 of
// hashes. Bags are sums of their rows, in order.
//
// CHECK-LABEL: func @numbers
//  CHECK-SAME:   (%[[IDS:.*]]: tensor<?x?xi32>)
//       CHECK:   %[[TABLE:.*]] = kernel.weight [@table] at 0 : tensor<40x2xf32>
//       CHECK:   %[[LED:.*]] = kernel.integers <B x M + 3>(%[[IDS]]) into <B x M + 3> : (tensor<?x?xi32>) -> tensor<?x?xi32> {
//  CHECK-NEXT:   ^bb0(%[[IN:.*]]: tensor<?x?xi32>, %[[OUT:.*]]: tensor<?x?xi32>, %[[K:.*]]: index, %[[T:.*]]: index):
//       CHECK:     %[[PLACE:.*]] = arith.subi %[[T]], %c3
//       CHECK:     %[[THERE:.*]] = arith.cmpi slt, %{{.*}}, %[[PLACE]] : index
//       CHECK:     %[[SAFE:.*]] = arith.select %[[THERE]], %[[PLACE]],
//       CHECK:     %[[ID:.*]] = kernel.get_id %[[IN]][%[[K]], %[[SAFE]]] : tensor<?x?xi32>
//       CHECK:     %[[VALUE:.*]] = arith.select %[[THERE]], %[[ID]],
//  CHECK-NEXT:     kernel.set_id %[[VALUE]], %[[OUT]][%[[K]], %[[T]]] : tensor<?x?xi32>
//       CHECK:   %[[ROWS:.*]] = kernel.integers <B x M + 3>(%[[LED]]) into <B x 3*M + 9>
//       CHECK:     kernel.get_id
//       CHECK:     kernel.set_id
//       CHECK:     arith.constant 1000000007 : i64
//       CHECK:     arith.remsi
//       CHECK:     arith.constant 9 : index
//       CHECK:     kernel.set_id
//       CHECK:     %[[FOUND:.*]] = kernel.find %{{.*}} in [1, 7] at [1, 0]
//       CHECK:     %[[FIRST:.*]] = arith.constant 29 : index
//  CHECK-NEXT:     arith.addi %[[FOUND]], %[[FIRST]] : index
//       CHECK:     kernel.set_id
//       CHECK:   %[[X:.*]] = kernel.rows <B x M + 3> columns 2 in 1 x 2(%[[ROWS]], %[[TABLE]])
// CHECK-COUNT-2:     arith.addf
//       CHECK:     kernel.yield
//       CHECK:   kernel.embed_grad <B x 3*M + 9> %[[ROWS]], %[[X]] depth 2 into [@table] at 0 {bag = 3 : i64}
mblm.parameter @table at 0 : tensor<40x2xf32>
func.func @numbers(%ids: tensor<?x?xi32>) -> tensor<?x?x2xf32> {
  %table = mblm.load [@table] : tensor<40x2xf32>
  %led = mblm.lead %ids count 3 : tensor<?x?xi32> -> tensor<?x?xi32>
  %rows = mblm.ngram_rows %led vocab 9 {sizes = array<i64: 2>, functions = 1, rows = 20, list_lengths = array<i64: 1>,
                                        list_ids = [array<i32: 7, 1>]} : tensor<?x?xi32> -> tensor<?x?xi32>
  %x = mblm.embed_bag %rows, %table bag 3 : tensor<?x?xi32>, tensor<40x2xf32> -> tensor<?x?x2xf32>
  %dx = mblm.embed_bag_grad %rows, %x bag 3 : tensor<?x?xi32>, tensor<?x?x2xf32> -> tensor<40x2xf32>
  mblm.gradient [@table], %dx : tensor<40x2xf32>
  return %x : tensor<?x?x2xf32>
}

// -----

// Ranges take one walk over a sequence each.
//
// CHECK-LABEL: func @ranges
//  CHECK-SAME:   (%[[IDS:.*]]: tensor<?x?xi32>, %[[LENGTHS:.*]]: tensor<?x?xi32> {mblm.per_patch})
//       CHECK:   %[[SEEN:.*]] = kernel.integers <B x 1>(%[[IDS]]) into <B x 2*M>
//       CHECK:     kernel.extent
//       CHECK:     scf.for
// CHECK-COUNT-2:       kernel.set_id
//       CHECK:       arith.cmpi eq
//       CHECK:   kernel.ranged_attention <B x M> %[[X:.*]], %[[X]], %[[X]] of <B x M> in %[[SEEN]] {head_dim = 2 : i64, heads = 4 : i64, kv_heads = 4 : i64, scale = 5.000000e-01 : f64}
//       CHECK:   %[[SPANS:.*]] = kernel.integers <B x 1>(%[[LENGTHS]], %[[IDS]]) into <B x 4*P>
//       CHECK:     scf.for
// CHECK-COUNT-4:       kernel.set_id
//       CHECK:   %[[OWNERS:.*]] = kernel.integers <B x 1>(%[[LENGTHS]], %[[IDS]]) into <B x 2*M>
//       CHECK:     scf.for
//       CHECK:       scf.for
// CHECK-COUNT-2:         kernel.set_id
//       CHECK:   %[[DOCUMENTS:.*]] = kernel.integers <B x 1>(%[[IDS]], %[[LENGTHS]]) into <B x 2*P>
//       CHECK:     scf.for
// CHECK-COUNT-2:       kernel.set_id
//       CHECK:       scf.for
//       CHECK:         arith.cmpi eq
//       CHECK:   kernel.ranged_attention <B x 2*P> %[[TWO:.*]], %[[X]], %[[X]] of <B x M> in %[[SPANS]]
//       CHECK:   kernel.ranged_attention <B x P> %{{.*}}, %{{.*}}, %{{.*}} of <B x P> in %[[DOCUMENTS]]
//       CHECK:   kernel.ranged_attention <B x M> %{{.*}}, %[[VECTORS:.*]], %[[VECTORS]] of <B x 2*P> in %[[OWNERS]]
mblm.parameter @table at 0 : tensor<40x8xf32>
mblm.parameter @patches at 320 : tensor<40x16xf32>
func.func @ranges(%ids: tensor<?x?xi32>, %lengths: tensor<?x?xi32> {mblm.per_patch}) -> tensor<?x?x8xf32> {
  %table = mblm.load [@table] : tensor<40x8xf32>
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<40x8xf32> -> tensor<?x?x8xf32>
  %seen = mblm.visible_bytes %ids window 4 end 2 : tensor<?x?xi32> -> tensor<?x?xi32>
  %y, %lse = mblm.ranged_attention %x, %x, %x in %seen {heads = 4, kv_heads = 4, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  %spans = mblm.patch_bytes %lengths, %ids {rows = 2} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %owners = mblm.byte_patches %lengths, %ids {rows = 2, ahead} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %documents = mblm.visible_patches %ids, %lengths end 2 : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %patches = mblm.load [@patches] : tensor<40x16xf32>
  %p = mblm.embed %lengths, %patches : tensor<?x?xi32>, tensor<40x16xf32> -> tensor<?x?x16xf32>
  %two = mblm.regroup %p : tensor<?x?x16xf32> -> tensor<?x?x8xf32>
  %z, %lse1 = mblm.ranged_attention %two, %x, %x in %spans {heads = 4, kv_heads = 4, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  %joined = mblm.regroup %z : tensor<?x?x8xf32> -> tensor<?x?x16xf32>
  %g, %lse2 = mblm.ranged_attention %joined, %joined, %joined in %documents {heads = 4, kv_heads = 4, scale = 0.5 : f64}
    : tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  %vectors = mblm.regroup %g : tensor<?x?x16xf32> -> tensor<?x?x8xf32>
  %back, %lse3 = mblm.ranged_attention %y, %vectors, %vectors in %owners {heads = 4, kv_heads = 4, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  return %back : tensor<?x?x8xf32>
}

// -----

// Gradients likewise; heads of a group read the same keys.
//
// CHECK-LABEL: func @gradients
//       CHECK:   %[[Y:.*]], %[[LSE:.*]] = kernel.ranged_attention <B x M> %[[X:.*]], %[[K:.*]], %[[K]] of <B x M> in %[[SEEN:[a-z0-9_]+]]
//       CHECK:   kernel.ranged_attention_grad <B x M> %[[X]], %[[X]], %[[K]], %[[K]], %[[Y]], %[[LSE]] of <B x M> in %[[SEEN]] {head_dim = 2 : i64, heads = 4 : i64, kv_heads = 2 : i64,
mblm.parameter @table at 0 : tensor<40x8xf32>
mblm.parameter @keys at 320 : tensor<40x4xf32>
func.func @gradients(%ids: tensor<?x?xi32>) -> tensor<?x?x4xf32> {
  %table = mblm.load [@table] : tensor<40x8xf32>
  %keys = mblm.load [@keys] : tensor<40x4xf32>
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<40x8xf32> -> tensor<?x?x8xf32>
  %k = mblm.embed %ids, %keys : tensor<?x?xi32>, tensor<40x4xf32> -> tensor<?x?x4xf32>
  %seen = mblm.visible_bytes %ids : tensor<?x?xi32> -> tensor<?x?xi32>
  %y, %lse = mblm.ranged_attention %x, %k, %k in %seen {heads = 4, kv_heads = 2, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
  %d:3 = mblm.ranged_attention_grad %x, %x, %k, %k, %y, %lse in %seen {heads = 4, kv_heads = 2, scale = 0.5 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?xi32>, tensor<?x?x4xf32>
  return %d#1 : tensor<?x?x4xf32>
}

// -----

// Where the range of a position is empty it loads row 0 and multiplies it by zero.
//
// CHECK-LABEL: func @pools
//       CHECK:   %[[SPANS:.*]] = kernel.integers <B x 1>
//       CHECK:   %[[OWNERS:.*]] = kernel.integers <B x 1>
//       CHECK:   %[[MAX:.*]] = kernel.pool <B x P> max %[[X:.*]] over %[[SPANS]] of <B x M> : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x8xf32>
//       CHECK:   %[[MEAN:.*]] = kernel.pool <B x P> mean %[[X]] over %[[SPANS]] of <B x M>
//       CHECK:   kernel.pool_grad <B x P> %[[MEAN]], %[[X]], %[[MAX]] over %[[SPANS]] of <B x M>
//       CHECK:   kernel.rows <B x M> columns 8 in 1 x 8(%[[MEAN]], %[[OWNERS]], %[[SPANS]]
//       CHECK:     arith.cmpi slt
//       CHECK:     arith.sitofp
//       CHECK:     arith.divf
//       CHECK:     kernel.yield
mblm.parameter @table at 0 : tensor<40x8xf32>
func.func @pools(%ids: tensor<?x?xi32>, %lengths: tensor<?x?xi32> {mblm.per_patch}) -> tensor<?x?x16xf32> {
  %table = mblm.load [@table] : tensor<40x8xf32>
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<40x8xf32> -> tensor<?x?x8xf32>
  %spans = mblm.patch_bytes %lengths, %ids : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %owners = mblm.byte_patches %lengths, %ids : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
  %max = mblm.pool max %x over %spans of %owners : tensor<?x?x8xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  %mean = mblm.pool mean %x over %spans : tensor<?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  %dx = mblm.pool_grad max %mean, %x, %max over %spans : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi32>
  %spread = mblm.spread %mean by %owners of %spans {mean} : tensor<?x?x8xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x8xf32>
  %all = mblm.concat %dx, %spread : tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<?x?x16xf32>
  return %all : tensor<?x?x16xf32>
}

// -----

// A row's entropy is the logarithm of the sum of exponentials less their mean difference from the largest logit.
//
// CHECK-LABEL: func @entropy
//       CHECK:   kernel.rows <B x M> columns 8 in 1 x 8(%{{.*}}) : (tensor<?x?x8xf32>) -> tensor<?x?xf32>
//       CHECK:     kernel.row_max
//       CHECK:     math.exp
//       CHECK:     kernel.row_sum
//       CHECK:     math.log
//       CHECK:     kernel.row_sum
//       CHECK:     kernel.yield
mblm.parameter @table at 0 : tensor<40x8xf32>
func.func @entropy(%ids: tensor<?x?xi32>) -> tensor<?x?xf32> {
  %table = mblm.load [@table] : tensor<40x8xf32>
  %x = mblm.embed %ids, %table : tensor<?x?xi32>, tensor<40x8xf32> -> tensor<?x?x8xf32>
  %h = mblm.entropy %x : tensor<?x?x8xf32> -> tensor<?x?xf32>
  return %h : tensor<?x?xf32>
}

// -----

// Several vectors of a state's row stand one below the other.
//
// CHECK-LABEL: func @step
//  CHECK-SAME:   %[[RANGES:[a-z0-9]+]]: tensor<?x2xi32> {mblm.ranges}
//       CHECK:   %[[STATE:.*]] = kernel.state @keys at [0, 0, 0, 0] <B x 9> : tensor<?x9x16xf32>
//  CHECK-NEXT:   %[[KEYS:.*]] = kernel.view <B x 18> %[[STATE]] : tensor<?x9x16xf32> -> tensor<?x?x8xf32>
//  CHECK-NEXT:   %[[VALUES:.*]] = kernel.view <B x 18> %[[STATE]] : tensor<?x9x16xf32> -> tensor<?x?x8xf32>
//  CHECK-NEXT:   kernel.ranged_attention <B x 1> %{{.*}}, %[[KEYS]], %[[VALUES]] of <B x 18> in %[[RANGES]]
mblm.parameter @table at 0 : tensor<40x8xf32>
mblm.state @keys at [0, 0, 0, 0] : tensor<?x9x16xf32>
func.func @step(%ids: tensor<?x1xi32>, %ranges: tensor<?x2xi32> {mblm.ranges}) -> tensor<?x1x8xf32> {
  %table = mblm.load [@table] : tensor<40x8xf32>
  %x = mblm.embed %ids, %table : tensor<?x1xi32>, tensor<40x8xf32> -> tensor<?x1x8xf32>
  %keys = mblm.get_state @keys : tensor<?x9x16xf32>
  %y, %lse = mblm.ranged_attention %x, %keys, %keys in %ranges {heads = 4, kv_heads = 4, scale = 0.5 : f64, per_row = 2}
    : tensor<?x1x8xf32>, tensor<?x9x16xf32>, tensor<?x2xi32> -> tensor<?x1x4xf32>
  return %y : tensor<?x1x8xf32>
}

// -----

// Where patches begin is one walk over a sequence, which carries the place where the open one begins: by the step from the entropy
// before, and at most 4 positions later. Lengths are another one, with zeros behind the last patch.
//
// CHECK-LABEL: func @borders
//  CHECK-SAME:   (%[[IDS:.*]]: tensor<?x?xi32>, %[[H:.*]]: tensor<?x?xf32> {mblm.entropies})
//       CHECK:   %[[STARTS:.*]] = kernel.integers <B x 1>(%[[IDS]], %[[H]]) into <B x M + 1> : (tensor<?x?xi32>, tensor<?x?xf32>) -> tensor<?x?xi32> {
//  CHECK-NEXT:   ^bb0(%{{.*}}: tensor<?x?xi32>, %[[NUMBERS:.*]]: tensor<?x?xf32>, %[[OUT:.*]]: tensor<?x?xi32>, %[[K:.*]]: index, %{{.*}}: index):
//       CHECK:     kernel.set_id %{{.*}}, %[[OUT]][%[[K]], %{{.*}}]
//       CHECK:     %[[END:.*]] = kernel.extent %[[OUT]] : tensor<?x?xi32>
//       CHECK:     scf.for %[[T:.*]] = %{{.*}} to %[[END]] {{.*}} iter_args(%[[BEGIN:.*]] = %{{.*}}) -> (index) {
//       CHECK:       %[[HERE:.*]] = kernel.get_element %[[NUMBERS]][%[[K]], %{{.*}}] : tensor<?x?xf32>
//       CHECK:       %[[BEFORE:.*]] = kernel.get_element %[[NUMBERS]][%[[K]], %{{.*}}] : tensor<?x?xf32>
//       CHECK:       %[[STEP:.*]] = arith.subf %[[HERE]], %[[BEFORE]] : f32
//       CHECK:       arith.cmpf ogt, %[[STEP]], %{{.*}} : f32
//       CHECK:       arith.subi %[[T]], %[[BEGIN]] : index
//       CHECK:       arith.constant 4 : index
//       CHECK:       kernel.set_id
//       CHECK:       %[[NEXT:.*]] = arith.select %{{.*}}, %[[T]], %[[BEGIN]] : index
//       CHECK:       scf.yield %[[NEXT]] : index
//       CHECK:   kernel.integers <B x 1>(%[[STARTS]]) into <B x M + 1> : (tensor<?x?xi32>) -> tensor<?x?xi32> {
//       CHECK:     %[[LAST:.*]]:2 = scf.for
//       CHECK:       kernel.set_id
//       CHECK:     %[[BEHIND:.*]] = arith.addi %[[LAST]]#0
//       CHECK:     scf.for %{{.*}} = %[[BEHIND]] to
//  CHECK-NEXT:       kernel.set_id
func.func @borders(%ids: tensor<?x?xi32>, %h: tensor<?x?xf32> {mblm.entropies}) -> tensor<?x?xi32> {
  %starts = mblm.patch_starts entropy %ids by %h {monotonic, next, threshold = 0.5 : f32, max_length = 4} : tensor<?x?xi32>, tensor<?x?xf32> -> tensor<?x?xi32>
  %lengths = mblm.patch_lengths %starts : tensor<?x?xi32> -> tensor<?x?xi32>
  return %lengths : tensor<?x?xi32>
}
