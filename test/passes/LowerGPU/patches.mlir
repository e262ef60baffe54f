// Patches that the data decides: sizes count patches, lists are constants of the kernels' module, and attention by ranges runs on
// the tiles of attention with a mask.
// RUN: mblm-opt %s --mblm-to-kernel --mblm-schedule-gpu --kernel-lower-gpu | FileCheck %s
// RUN: mblm-opt %s --mblm-to-kernel | mblm-ptx - --precision bf16 --emit ptx | FileCheck %s --check-prefix=PTX
// RUN: mblm-opt %s --mblm-to-kernel | mblm-ptx - --precision bf16 --arch sm_90a --emit ptx | FileCheck %s --check-prefix=PTX

// What the caller gives is counted for its buffers: ids by slots, lengths by patches.
//
//       CHECK: module attributes {
//  CHECK-SAME:   numbers = {arena = array<i64: {{[-0-9, ]+}}>, ids = array<i64: 0, 0, 0, 1, 0>, launches = [
//  CHECK-SAME:     divisor = 256 : i64, from = "", grid = array<i64: 0, 0, 0, 1, 0>, kernel = "integers"
//  CHECK-SAME:     grid = array<i64: 0, 0, 0, 3, 0>, kernel = "embed_grad"
//  CHECK-SAME:   ranges = {arena = array<i64: {{[-0-9, ]+}}>, ids = array<i64: 0, 0, 0, 1, 0>, launches = [
//  CHECK-SAME:     grid = array<i64: 0, 0, 1, 0, 0>, kernel = "integers_v2"
//  CHECK-SAME:     grid = array<i64: 0, 0, 63, 0, 0, 0, 2>, kernel = "ranged_attention", {{[^}]*}} threads = 256 : i64, y = 4 : i64
//  CHECK-SAME:     grid = array<i64: 0, 0, 63, 0, 0, 0, 2>, kernel = "ranged_attention_grad_2", {{[^}]*}} y = 4 : i64
//  CHECK-SAME:     grid = array<i64: 0, 0, 63, 1, 0>, kernel = "ranged_attention_grad_3", {{[^}]*}} y = 2 : i64
//  CHECK-SAME:     divisor = 16 : i64, from = "", grid = array<i64: 0, 0, 0, 0, 0, 0, 1>, kernel = "pool"
//  CHECK-SAME:   lengths = array<i64: 0, 0, 0, 0, 0, 0, 1>
//       CHECK: llvm.mlir.global internal constant @list_2(dense<[1, 0]> : tensor<2xi64>) {addr_space = 1 : i32, alignment = 8 : i64}
//       CHECK: llvm.mlir.global internal constant @list(dense<[1, 7]> : tensor<2xi64>) {addr_space = 1 : i32, alignment = 8 : i64}

// A thread has a row of integer code. Of a table with many rows, blocks have those that are read, each where its id comes first.
//
// CHECK-LABEL: gpu.func @integers(
//   CHECK-NOT:   gpu.barrier
//       CHECK:   gpu.return
// CHECK-LABEL: gpu.func @embed_grad(
//       CHECK:   nvvm.vote.sync ballot
//       CHECK:   nvvm.vote.sync ballot
//       CHECK:   gpu.return

// A block of queries goes from its first row's first key to its last row's last; the mask is for tiles that not all see.
//
// CHECK-LABEL: gpu.func @ranged_attention(
//       CHECK:   gpu.barrier
//       CHECK:   scf.for
//       CHECK:     scf.if

// Gradients of keys are sums over the heads of a group; who sees a key is found by halving.
//
// CHECK-LABEL: gpu.func @ranged_attention_grad_3(
//       CHECK:   math.ctlz
//       CHECK:   gpu.barrier
//       CHECK:   scf.for

// PTX-LABEL: .visible .entry ranged_attention(
//       PTX:   ldmatrix.sync.aligned.m8n8.x4.shared.b16
//       PTX:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// PTX-LABEL: .visible .entry ranged_attention_grad_2(
//       PTX:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
module {
  mblm.parameter @table at 0 : tensor<40x2xf32>
  mblm.parameter @bytes at 80 : tensor<40x64xf32>
  mblm.parameter @keys at 2640 : tensor<40x32xf32>
  mblm.parameter @patches at 3920 : tensor<40x128xf32>
  func.func @numbers(%ids: tensor<?x?xi32>) -> tensor<?x?x2xf32> {
    %table = mblm.load [@table] : tensor<40x2xf32>
    %rows = mblm.ngram_rows %ids vocab 9 {sizes = array<i64: 2>, functions = 1, rows = 20, list_lengths = array<i64: 1>,
                                          list_ids = [array<i32: 7, 1>]} : tensor<?x?xi32> -> tensor<?x?xi32>
    %x = mblm.embed_bag %rows, %table bag 3 : tensor<?x?xi32>, tensor<40x2xf32> -> tensor<?x?x2xf32>
    %dx = mblm.embed_bag_grad %rows, %x bag 3 : tensor<?x?xi32>, tensor<?x?x2xf32> -> tensor<40x2xf32>
    mblm.gradient [@table], %dx : tensor<40x2xf32>
    return %x : tensor<?x?x2xf32>
  }
  func.func @ranges(%ids: tensor<?x?xi32>, %lengths: tensor<?x?xi32> {mblm.per_patch}) -> tensor<?x?x128xf32> {
    %tx = mblm.load [@bytes] : tensor<40x64xf32>
    %tk = mblm.load [@keys] : tensor<40x32xf32>
    %tp = mblm.load [@patches] : tensor<40x128xf32>
    %x = mblm.embed %ids, %tx : tensor<?x?xi32>, tensor<40x64xf32> -> tensor<?x?x64xf32>
    %k = mblm.embed %ids, %tk : tensor<?x?xi32>, tensor<40x32xf32> -> tensor<?x?x32xf32>
    %p = mblm.embed %lengths, %tp : tensor<?x?xi32>, tensor<40x128xf32> -> tensor<?x?x128xf32>
    %two = mblm.regroup %p : tensor<?x?x128xf32> -> tensor<?x?x64xf32>
    %both = mblm.patch_bytes %lengths, %ids {rows = 2} : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %y, %lse = mblm.ranged_attention %two, %k, %k in %both {heads = 4, kv_heads = 2, scale = 0.25 : f64}
      : tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?xi32> -> tensor<?x?x4xf32>
    %dq, %dk, %dv = mblm.ranged_attention_grad %two, %two, %k, %k, %y, %lse in %both {heads = 4, kv_heads = 2, scale = 0.25 : f64}
      : tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?xi32>, tensor<?x?x4xf32>
    %spans = mblm.patch_bytes %lengths, %ids : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %owners = mblm.byte_patches %lengths, %ids : tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?xi32>
    %pooled = mblm.pool max %x over %spans of %owners : tensor<?x?x64xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x64xf32>
    %copies = mblm.spread %pooled by %owners : tensor<?x?x64xf32>, tensor<?x?xi32> -> tensor<?x?x64xf32>
    %all = mblm.concat %dk, %dv, %copies : tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x64xf32> -> tensor<?x?x128xf32>
    return %all : tensor<?x?x128xf32>
  }
}
