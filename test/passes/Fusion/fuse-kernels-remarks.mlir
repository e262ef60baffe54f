// What the pass did, why it did no more, and how to stop it.
// RUN: mblm-opt %s --kernel-fuse --split-input-file --remarks-filter=kernel-fuse --remark-format=emitRemark -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=DONE
// RUN: mblm-opt %s --kernel-fuse --split-input-file --remarks-filter-missed=kernel-fuse --remark-format=emitRemark \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSED
// RUN: mblm-opt %s --kernel-fuse="limit=1" --split-input-file --remarks-filter-passed=kernel-fuse --remark-format=emitRemark \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=LIMIT

// Three moves, each at the kernel that took the other in.
//
// DONE-DAG: FuseEpilogue{{.*}}took in kernel.rows /residual
// DONE-DAG: InlineProducer{{.*}}took in kernel.rows /norm
// DONE-DAG: FuseSum{{.*}}took in kernel.reduce /bias
// LIMIT: took in kernel.rows /residual
// LIMIT-NOT: took in
func.func @three_moves(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>, %r: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  %n = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    %sum = kernel.row_sum %v
    %share = arith.divf %v, %sum : f32
    kernel.yield %share : f32
  } loc("/norm")
  %p = kernel.gemm <B x M> depth 8 in 1 x 8 columns 32 in 1 x 32(%n) packed %w epilogue()
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    kernel.yield %v : f32
  } loc("/linear")
  %y = kernel.rows <B x M> columns 32 in 1 x 32(%p, %r) : (tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%a: tensor<?x?x32xf32>, %b: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %a[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    %u = kernel.load %b[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    %sum = arith.addf %v, %u : f32
    kernel.yield %sum : f32
  } loc("/residual")
  kernel.reduce <B*M x 1> %y sums <0 x 1> into [@bias] at 0 : tensor<?x?x32xf32> loc("/bias")
  return %y : tensor<?x?x32xf32>
}

// -----

// MISSED: InlineProducer{{.*}}kernel.rows /norm stays a kernel: its result is needed in memory
func.func @in_memory(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %n = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    %sum = kernel.row_sum %v
    %share = arith.divf %v, %sum : f32
    kernel.yield %share : f32
  } loc("/norm")
  return %n : tensor<?x?x8xf32>
}

// -----

// MISSED: InlineProducer{{.*}}kernel.rows /norm stays a kernel: it reduces over rows that its reader mixes
func.func @mixed_rows(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %n = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    %sum = kernel.row_sum %v
    %share = arith.divf %v, %sum : f32
    kernel.yield %share : f32
  } loc("/norm")
  %y = kernel.rows <B x M> columns 8 in 2 x 4(%n) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %before = arith.subi %t, %j : index
    %v = kernel.load %in[%k, %before, %c] or_zero : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  } loc("/shift")
  return %y : tensor<?x?x8xf32>
}

// -----

// MISSED: InlineProducer{{.*}}kernel.rows /norm stays a kernel: its reader goes through the columns in another order
func.func @other_order(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %n = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    %sum = kernel.row_sum %v
    %share = arith.divf %v, %sum : f32
    kernel.yield %share : f32
  } loc("/norm")
  %y = kernel.rows <B x M> columns 8 in 2 x 4(%n) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %d] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  } loc("/halves")
  return %y : tensor<?x?x8xf32>
}

// -----

// MISSED: InlineProducer{{.*}}kernel.rows /norm stays a kernel: its reader has other columns
func.func @other_columns(%x: tensor<?x?x8xf32>) -> tensor<?x?x4xf32> {
  %n = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    %sum = kernel.row_sum %v
    %share = arith.divf %v, %sum : f32
    kernel.yield %share : f32
  } loc("/norm")
  %y = kernel.rows <B x M> columns 4 in 1 x 4(%n) : (tensor<?x?x8xf32>) -> tensor<?x?x4xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  } loc("/first")
  return %y : tensor<?x?x4xf32>
}

// -----

// MISSED: InlineProducer{{.*}}kernel.rows /gather stays a kernel: its reader has other segments
func.func @other_segments(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %n = kernel.rows <B x M> columns 8 in 2 x 4(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  } loc("/gather")
  %y = kernel.rows <B x M> columns 8 in 4 x 2(%n) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  } loc("/quarters")
  return %y : tensor<?x?x8xf32>
}

// -----

// MISSED: InlineProducer{{.*}}kernel.rows /activation stays a kernel: computing it again for every reader costs more than memory
func.func @too_dear(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %n = kernel.rows <B x M> columns 8 in 1 x 8(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    %a = math.tanh %v : f32
    %b = math.erf %a : f32
    %e = math.exp %b : f32
    kernel.yield %e : f32
  } loc("/activation")
  %y1 = kernel.rows <B x M> columns 8 in 1 x 8(%n) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  } loc("/first")
  %y2 = kernel.rows <B x M> columns 8 in 1 x 8(%n) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  } loc("/second")
  %y3 = kernel.rows <B x M> columns 8 in 1 x 8(%n) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  } loc("/third")
  %y4 = kernel.rows <B x M> columns 8 in 1 x 8(%n) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  } loc("/fourth")
  return %y1, %y2, %y3, %y4 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
}

// -----

// MISSED: InlineProducer{{.*}}kernel.rows /norm stays a kernel: a block of rows would not fit the cache
func.func @too_wide(%x: tensor<?x?x8192xf32>, %w: tensor<1x8192x32xf32>) -> tensor<?x?x32xf32> {
  %n = kernel.rows <B x M> columns 8192 in 1 x 8192(%x) : (tensor<?x?x8192xf32>) -> tensor<?x?x8192xf32> {
  ^bb0(%in: tensor<?x?x8192xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8192xf32> -> f32
    %sum = kernel.row_sum %v
    %share = arith.divf %v, %sum : f32
    kernel.yield %share : f32
  } loc("/norm")
  %y = kernel.gemm <B x M> depth 8192 in 1 x 8192 columns 32 in 1 x 32(%n) packed %w epilogue()
      : (tensor<?x?x8192xf32>, tensor<1x8192x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%in: tensor<?x?x8192xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8192xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    kernel.yield %v : f32
  } loc("/linear")
  return %y : tensor<?x?x32xf32>
}

// -----

// MISSED: FuseEpilogue{{.*}}kernel.rows /shift stays a kernel: it reads other rows of the product than its own
func.func @other_rows(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  %p = kernel.gemm <B x M> depth 8 in 1 x 8 columns 32 in 1 x 32(%x) packed %w epilogue()
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    kernel.yield %v : f32
  } loc("/linear")
  %y = kernel.rows <B x M> columns 32 in 1 x 32(%p) : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%in: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %one = arith.constant 1 : index
    %before = arith.subi %t, %one : index
    %v = kernel.load %in[%k, %before, %c] or_zero : tensor<?x?x32xf32> -> f32
    kernel.yield %v : f32
  } loc("/shift")
  return %y : tensor<?x?x32xf32>
}

// -----

// MISSED: FuseEpilogue{{.*}}kernel.rows /negation stays a kernel: another kernel reads the product before
func.func @read_before(%x: tensor<?x?x8xf32>, %w: tensor<1x8x32xf32>) -> (tensor<?x2x16xf32>, tensor<?x?x32xf32>) {
  %p = kernel.gemm <B x M> depth 8 in 1 x 8 columns 32 in 1 x 32(%x) packed %w epilogue()
      : (tensor<?x?x8xf32>, tensor<1x8x32xf32>) -> tensor<?x?x32xf32> {
  ^bb0(%in: tensor<?x?x8xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x8xf32> -> f32
    kernel.yield %v : f32
  }, {
  ^bb0(%p: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    kernel.yield %v : f32
  } loc("/linear")
  %patches = kernel.view <B*M x 2> %p : tensor<?x?x32xf32> -> tensor<?x2x16xf32>
  %y:2 = kernel.rows <B x M> columns 32 in 1 x 32(%p) : (tensor<?x?x32xf32>) -> (tensor<?x?x32xf32>, tensor<?x?x32xf32>) {
  ^bb0(%in: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x32xf32> -> f32
    %n = arith.negf %v : f32
    kernel.yield %n, %v : f32, f32
  } loc("/negation")
  return %patches, %y#0 : tensor<?x2x16xf32>, tensor<?x?x32xf32>
}

// -----

// MISSED: InlineProducer{{.*}}kernel.rows /rotation stays a kernel: its reader's segments cut pairs of columns apart
func.func @pairs(%x: tensor<?x?x6xf32>) -> tensor<?x?x6xf32> {
  %n = kernel.rows <B x M> columns 6 in 1 x 6(%x) : (tensor<?x?x6xf32>) -> tensor<?x?x6xf32> {
  ^bb0(%in: tensor<?x?x6xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %v = kernel.load %in[%k, %t, %c] : tensor<?x?x6xf32> -> f32
    %s = kernel.swap_pairs %v
    kernel.yield %s : f32
  } loc("/rotation")
  %y = kernel.rows <B x M> columns 6 in 2 x 3(%n) : (tensor<?x?x6xf32>) -> tensor<?x?x6xf32> {
  ^bb0(%in: tensor<?x?x6xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
    %before = arith.subi %t, %j : index
    %v = kernel.load %in[%k, %before, %c] or_zero : tensor<?x?x6xf32> -> f32
    kernel.yield %v : f32
  } loc("/shift")
  return %y : tensor<?x?x6xf32>
}
