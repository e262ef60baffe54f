// Entries that launch kernels, their sizes, and one function for equal kernels.
// RUN: mblm-opt %s --kernel-lower-cpu | FileCheck %s
// RUN: mblm-opt %s --kernel-lower-cpu="level=avx2" | FileCheck %s --check-prefix=AVX2
// RUN: mblm-opt %s --kernel-lower-cpu="level=portable" | FileCheck %s --check-prefix=PORTABLE

// Each entry's arena and scratch as forms of 1, M, B and B*M; one launch after another by name. The two layers share a
// kernel, whose name has no layer in it; the head has its own.
//
// CHECK: module attributes {
// CHECK-SAME: mblm.entries = {forward = {arena = array<i64: {{[0-9]+}}, {{[0-9]+}}, {{[0-9]+}}, {{[1-9][0-9]*}}, 0>, scratch = array<i64:
// CHECK-SAME: mblm.kernels = [
// CHECK-SAME: {entry = "forward", from = "stage0_scale_", name = "[[SCALE:stage0_scale_rows[a-z0-9_]*]]", op = 0 : i64},
// CHECK-SAME: {entry = "forward", from = "stage0_scale_", name = "[[SCALE]]", op = 1 : i64},
// CHECK-SAME: {entry = "forward", from = "head_", name = "[[HEAD:head_rows[a-z0-9_]*]]", op = 2 : i64}]
//
// CHECK-LABEL: func.func @mblm_entry_forward(%{{.*}}: !llvm.ptr) -> i32
//       CHECK:   constant @[[SCALE]] :
//       CHECK:   llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64) -> ()
//       CHECK:   constant @[[SCALE]] :
//       CHECK:   llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64) -> ()
//       CHECK:   constant @[[HEAD]] :
//       CHECK:   llvm.call %{{.*}}(%{{.*}}) : !llvm.ptr, (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64) -> ()
//       CHECK:   return
//   CHECK-NOT: mblm.parameter
//   CHECK-NOT: = kernel.
//       CHECK: func.func {{.*}}@[[SCALE]](%{{.*}}: i64, %{{.*}}: i64
//       CHECK:   vector<16xf32>
//   CHECK-NOT: @stage0_scale_rows_v2
//       CHECK: func.func {{.*}}@[[HEAD]](
//   CHECK-NOT: @stage0_scale_rows_v2

// AVX2-NOT: vector<16xf32>
// AVX2: vector<8xf32>
// PORTABLE-NOT: vector<{{8|16}}xf32>
// PORTABLE: vector<4xf32>
module {
  mblm.parameter @a at 0 : tensor<32xf32>
  mblm.parameter @b at 32 : tensor<32xf32>
  func.func @forward(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
    %a = kernel.weight [@a] at 0 : tensor<1x1x32xf32>
    %b = kernel.weight [@b] at 32 : tensor<1x1x32xf32>
    %x = kernel.rows <B x M> columns 32 in 1 x 32(%a) : (tensor<1x1x32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%w: tensor<1x1x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %zero = arith.constant 0 : index
      %v = kernel.load %w[%zero, %zero, %c] : tensor<1x1x32xf32> -> f32
      kernel.yield %v : f32
    } loc("/stages/0/layers/0/scale")
    %y = kernel.rows <B x M> columns 32 in 1 x 32(%b) : (tensor<1x1x32xf32>) -> tensor<?x?x32xf32> {
    ^bb0(%w: tensor<1x1x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %zero = arith.constant 0 : index
      %v = kernel.load %w[%zero, %zero, %c] : tensor<1x1x32xf32> -> f32
      kernel.yield %v : f32
    } loc("/stages/0/layers/1/scale")
    %z = kernel.rows <B x M> columns 8 in 1 x 8(%x, %y) : (tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x8xf32> {
    ^bb0(%p: tensor<?x?x32xf32>, %q: tensor<?x?x32xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %v = kernel.load %p[%k, %t, %c] : tensor<?x?x32xf32> -> f32
      %u = kernel.load %q[%k, %t, %c] : tensor<?x?x32xf32> -> f32
      %s = arith.addf %v, %u : f32
      kernel.yield %s : f32
    } loc("/head")
    return %z : tensor<?x?x8xf32>
  }
}
