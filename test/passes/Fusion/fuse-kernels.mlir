// RUN: mblm-opt %s --kernel-fuse --split-input-file | FileCheck %s
// RUN: mblm-opt %s --kernel-fuse --split-input-file --verify-roundtrip -o /dev/null
// RUN: mblm-opt %s --kernel-fuse="limit=0" --split-input-file | FileCheck %s --check-prefix=NONE

// A norm moves into the prologue of the gemm that reads it: its sum runs over the columns there.
//
// CHECK-LABEL: func @norm_into_prologue
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x?x8xf32>, %[[W:.*]]: tensor<1x8x32xf32>)
//   CHECK-NOT:   kernel.rows
//       CHECK:   kernel.gemm <B x M> depth 8 in 1 x 8 columns 32 in 1 x 32(%[[X]]) packed %[[W]] epilogue()
//  CHECK-NEXT:   ^bb0(%[[IN:.*]]: tensor<?x?x8xf32>, %[[K:.*]]: index, %[[T:.*]]: index, %{{.*}}: index, %{{.*}}: index, %[[C:.*]]: index):
//       CHECK:     %[[V:.*]] = kernel.load %[[IN]][%[[K]], %[[T]], %[[C]]]
//       CHECK:     %[[SUM:.*]] = kernel.row_sum %[[V]]
//       CHECK:     %[[SHARE:.*]] = arith.divf %[[V]], %[[SUM]]
//       CHECK:     kernel.yield %[[SHARE]]
// NONE-LABEL: func @norm_into_prologue
//       NONE:   kernel.rows
//       NONE:   kernel.gemm
func.func @norm_into_prologue(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  %n = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    %sum = kernel.row_sum %v
    %share = arith.divf %v, %sum : f32
    kernel.yield %share : f32
  }
  %y = kernel.gemm <B x M> depth 8 in 1 x 8 columns 32 in 1 x 32(%n) packed %w epilogue()
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    kernel.yield %v : f32
  }
  return %y : tensor<?x?x32xf32>
}

// -----

// The reader asks for the row before, or zero. What moves in is computed for a row that exists, and the guard chooses: the
// positions are those of the producer's space, M + 1.
//
// CHECK-LABEL: func @guard
//       CHECK:   kernel.rows <B x M> columns 8 in 1 x 8(%{{.*}})
//  CHECK-NEXT:   ^bb0(%[[IN:.*]]: tensor<?x?x8xf32>, %[[K:.*]]: index, %[[T:.*]]: index, %{{.*}}: index, %{{.*}}: index, %[[C:.*]]: index):
//       CHECK:     %[[BEFORE:.*]] = arith.subi %[[T]], %{{.*}} : index
//       CHECK:     %[[M:.*]] = kernel.slots
//       CHECK:     %[[SLOTS:.*]] = arith.muli %[[M]], %{{.*}} : index
//       CHECK:     %[[POSITIONS:.*]] = arith.addi %{{.*}}, %[[SLOTS]] : index
//       CHECK:     %[[INSIDE:.*]] = arith.cmpi ult, %[[BEFORE]], %[[POSITIONS]] : index
//       CHECK:     %[[ROW:.*]] = arith.select %[[INSIDE]], %[[BEFORE]], %{{.*}} : index
//       CHECK:     %[[V:.*]] = kernel.load %[[IN]][%[[K]], %[[ROW]], %[[C]]] : tensor<?x?x8xf32>
//       CHECK:     %[[MORE:.*]] = arith.addf %[[V]],
//       CHECK:     %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
//       CHECK:     %[[Y:.*]] = arith.select %[[INSIDE]], %[[MORE]], %[[ZERO]] : f32
//       CHECK:     kernel.yield %[[Y]]
//   CHECK-NOT:   kernel.rows
func.func @guard(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %n = kernel.rows <B x M + 1> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    %one = arith.constant 1.0 : f32
    %more = arith.addf %v, %one : f32
    kernel.yield %more : f32
  }
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%n) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %one = arith.constant 1 : index
    %before = arith.subi %t, %one : index
    %v = kernel.load %in[%k, %before, %c] or_zero : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return %y : tensor<?x?x8xf32>
}

// -----

// A gather has segments; its reader takes them over and still sees plain columns.
//
// CHECK-LABEL: func @segments
//       CHECK:   kernel.pack_rows <B x M> columns 8 in 2 x 4(%{{.*}}, %{{.*}}) : (tensor<?x?xi32>, tensor<257x4xf32>)
//  CHECK-NEXT:   ^bb0(%{{.*}}, %{{.*}}, %{{.*}}: index, %{{.*}}: index, %[[J:.*]]: index, %[[D:.*]]: index, %{{.*}}: index):
//       CHECK:     kernel.load %{{.*}}[%{{.*}}, %[[D]]] : tensor<257x4xf32> -> f32
//   CHECK-NOT:   kernel.rows
func.func @segments(%ids: tensor<?x?xi32>, %table: tensor<257x4xf32>) -> tensor<?x1x256x32xf32> {
  %n = kernel.rows <B x M> columns 8 in 2 x 4(%ids, %table) : (tensor<?x?xi32>, tensor<257x4xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%bytes: tensor<?x?xi32>, %rows: tensor<257x4xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %two = arith.constant 2 : index
    %first = arith.muli %t, %two : index
    %at = arith.addi %first, %j : index
    %id = kernel.load %bytes[%k, %at] : tensor<?x?xi32> -> i32
    %row = arith.index_cast %id : i32 to index
    %v = kernel.load %rows[%row, %d] : tensor<257x4xf32> -> f32
    kernel.yield %v : f32
  }
  %y = kernel.pack_rows <B x M> columns 8 in 1 x 8(%n) : (tensor<?x?x8xf32>) -> tensor<?x1x256x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  return %y : tensor<?x1x256x32xf32>
}

// -----

// A residual moves into the epilogue of the gemm before it.
//
// CHECK-LABEL: func @residual_into_epilogue
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x?x8xf32>, %[[W:.*]]: tensor<1x8x32xf32>, %[[R:.*]]: tensor<?x?x32xf32>)
//       CHECK:   %[[Y:.*]] = kernel.gemm <B x M> depth 8 in 1 x 8 columns 32 in 1 x 32(%[[X]]) packed %[[W]] epilogue(%[[R]])
//       CHECK:   }, {
//  CHECK-NEXT:   ^bb0(%[[P:.*]]: tensor<?x?x32xf32>, %[[REST:.*]]: tensor<?x?x32xf32>, %[[K:.*]]: index, %[[T:.*]]: index, %{{.*}}: index, %{{.*}}: index, %[[C:.*]]: index):
//       CHECK:     %[[V:.*]] = kernel.load %[[P]][%[[K]], %[[T]], %[[C]]]
//       CHECK:     %[[OTHER:.*]] = kernel.load %[[REST]][%[[K]], %[[T]], %[[C]]]
//       CHECK:     %[[SUM:.*]] = arith.addf %[[V]], %[[OTHER]]
//       CHECK:     kernel.yield %[[SUM]] : f32
//   CHECK-NOT:   kernel.rows
//       CHECK:   return %[[Y]]
func.func @residual_into_epilogue(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>, %r: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  %p = kernel.gemm <B x M> depth 8 in 1 x 8 columns 32 in 1 x 32(%x) packed %w epilogue()
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    kernel.yield %v : f32
  }
  %y = kernel.rows <B x M> columns 32 in 1 x 32(%p, %r) : (tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%a: tensor<?x?x32xf32>, %b: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %a[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    %u = kernel.load %b[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    %sum = arith.addf %v, %u : f32
    kernel.yield %sum : f32
  }
  return %y : tensor<?x?x32xf32>
}

// -----

// The product is read elsewhere too: the gemm yields both.
//
// CHECK-LABEL: func @product_kept
//       CHECK:   %[[Y:.*]]:2 = kernel.gemm
//       CHECK:   }, {
//       CHECK:     %[[V:.*]] = kernel.load
//       CHECK:     %[[NEGATED:.*]] = arith.negf %[[V]]
//       CHECK:     kernel.yield %[[V]], %[[NEGATED]] : f32, f32
//       CHECK:   return %[[Y]]#0, %[[Y]]#1
func.func @product_kept(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>) -> (tensor<?x?x32xf32>, tensor<?x?x32xf32>) {
  %p = kernel.gemm <B x M> depth 8 in 1 x 8 columns 32 in 1 x 32(%x) packed %w epilogue()
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    kernel.yield %v : f32
  }
  %y = kernel.rows <B x M> columns 32 in 1 x 32(%p) : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%a: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %a[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    %n = arith.negf %v : f32
    kernel.yield %n : f32
  }
  return %p, %y : tensor<?x?x32xf32>, tensor<?x?x32xf32>
}

// -----

// A bias' gradient: the kernel that makes the rows adds them up by blocks, and the sum runs over the blocks.
//
// CHECK-LABEL: func @block_sums
//       CHECK:   %[[Y:.*]]:2 = kernel.rows <2*B x M> columns 8 in 1 x 8 block_sums [1](%{{.*}}) : (tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x8xf32>)
//       CHECK:     kernel.yield %[[V:.*]], %[[V]] : f32, f32
//       CHECK:   kernel.reduce <2*B x M> %[[Y]]#1 sums <0 x 1> into [@bias] at 16 {blocks} : tensor<?x8xf32>
//       CHECK:   return %[[Y]]#0
func.func @block_sums(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %y = kernel.rows <2*B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  kernel.reduce <2*B*M x 1> %y sums <0 x 1> into [@bias] at 16 : tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

// Sums for single positions are no sums over all rows.
//
// CHECK-LABEL: func @sums_by_position
//       CHECK:   kernel.reduce <B x M> %{{.*}} sums <0 x M> into [@table] at 0 : tensor<?x?x8xf32>
func.func @sums_by_position(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %y = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }
  kernel.reduce <B x M> %y sums <0 x M> into [@table] at 0 : tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

// A product that is read twice over is one product.
//
// CHECK-LABEL: func @twice
//       CHECK:   %[[Y:.*]] = kernel.gemm {{.*}} epilogue() :
//       CHECK:   }, {
//       CHECK:     %[[V:.*]] = kernel.load
//       CHECK:     %[[SUM:.*]] = arith.addf %[[V]], %[[V]]
//       CHECK:     kernel.yield %[[SUM]] : f32
//       CHECK:   return %[[Y]]
func.func @twice(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  %p = kernel.gemm <B x M> depth 8 in 1 x 8 columns 32 in 1 x 32(%x) packed %w epilogue()
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    kernel.yield %v : f32
  }
  %y = kernel.rows <B x M> columns 32 in 1 x 32(%p, %p) : (tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%a: tensor<?x?x32xf32>, %b: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %a[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    %u = kernel.load %b[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    %s = arith.addf %v, %u : f32
    kernel.yield %s : f32
  }
  return %y : tensor<?x?x32xf32>
}
