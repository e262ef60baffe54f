// Mamba-2's recurrence reads parts of what a convolution and a linear map made where they lie; norms in groups.
// RUN: mblm-opt %s --split-input-file --mblm-convert-to-kernel | FileCheck %s
// RUN: mblm-opt %s --split-input-file --mblm-convert-to-kernel="fuse=false" | FileCheck %s --check-prefix=SINGLE

// Ten heads of two groups: the gradients of b and c come in two parts a group, and are added behind.
//
// CHECK-LABEL: func @ssd
//  CHECK-SAME:   (%[[XBC:.*]]: tensor<?x?x52xf32>, %[[ZDT:.*]]: tensor<?x?x13xf32>, %[[G:.*]]: tensor<?x?x40xf32>)
//   CHECK-NOT:   mblm.split
//       CHECK:   kernel.ssd <B x M> %[[XBC]], %[[ZDT]], %[[XBC]], %[[XBC]] at [0, 3, 40, 46] bias
//       CHECK:   %{{.*}}, %{{.*}}, %[[DB:.*]], %[[DC:.*]], %[[DA:.*]], %{{.*}}, %[[DSKIP:.*]] = kernel.ssd_grad <B x M> %[[G]],
//  CHECK-SAME:     %[[XBC]], %[[ZDT]], %[[XBC]], %[[XBC]] at [0, 3, 40, 46] bias
//  CHECK-SAME:     -> (tensor<?x?x40xf32>, tensor<?x?x10xf32>, tensor<?x?x12xf32>, tensor<?x?x12xf32>, tensor<?x1x10xf32>, tensor<?x1x10xf32>, tensor<?x1x40xf32>)
//       CHECK:   kernel.rows <B x M> columns 6 in 2 x 3(%[[DB]])
//       CHECK:   kernel.rows <B x M> columns 6 in 2 x 3(%[[DC]])
//       CHECK:   kernel.reduce <B x 1> %[[DA]] sums <0 x 1> into [@a_log] at 0
//       CHECK:   kernel.reduce <B x 1> %[[DSKIP]] sums <0 x 1> into [@skip] at 32
//   CHECK-NOT:   kernel.reduce
//
// SINGLE-LABEL: func @ssd
//      SINGLE:   kernel.ssd <B x M> %[[X:[a-z0-9_]+]], %[[DT:[a-z0-9_]+]], %[[B:[a-z0-9_]+]], %[[C:[a-z0-9_]+]] at [0, 0, 0, 0] bias
//      SINGLE:   kernel.ssd_grad <B x M> %{{.*}}, %[[X]], %[[DT]], %[[B]], %[[C]] at [0, 0, 0, 0] bias
module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @a_log at 0 : tensor<10xf32>
  mblm.parameter @bias at 16 : tensor<10xf32>
  mblm.parameter @skip at 32 : tensor<40xf32>
  func.func @ssd(%xbc: tensor<?x?x52xf32>, %zdt: tensor<?x?x13xf32>, %g: tensor<?x?x40xf32>)
      -> (tensor<?x?x40xf32>, tensor<?x?x40xf32>, tensor<?x?x10xf32>, tensor<?x?x6xf32>, tensor<?x?x6xf32>) {
    %a = mblm.load [@a_log] : tensor<10xf32>
    %bias = mblm.load [@bias] : tensor<10xf32>
    %skip = mblm.load [@skip] : tensor<40xf32>
    %x, %b, %c = mblm.split %xbc : tensor<?x?x52xf32> -> tensor<?x?x40xf32>, tensor<?x?x6xf32>, tensor<?x?x6xf32>
    %z, %dt = mblm.split %zdt : tensor<?x?x13xf32> -> tensor<?x?x3xf32>, tensor<?x?x10xf32>
    %y = mblm.ssd %x, %dt bias %bias a %a b %b c %c skip %skip {groups = 2 : i64}
      : tensor<?x?x40xf32>, tensor<?x?x10xf32>, tensor<10xf32>, tensor<?x?x6xf32>, tensor<40xf32>
    %dx, %ddt, %da, %db, %dc, %dskip, %dbias = mblm.ssd_grad %g, %x, %dt bias %bias a %a b %b c %c skip %skip {groups = 2 : i64}
      : tensor<?x?x40xf32>, tensor<?x?x10xf32>, tensor<10xf32>, tensor<?x?x6xf32>, tensor<40xf32>
    mblm.gradient [@a_log], %da : tensor<10xf32>
    mblm.gradient [@skip], %dskip : tensor<40xf32>
    return %y, %dx, %ddt, %db, %dc
      : tensor<?x?x40xf32>, tensor<?x?x40xf32>, tensor<?x?x10xf32>, tensor<?x?x6xf32>, tensor<?x?x6xf32>
  }
}

// -----

// Each group is a row, whose gain is the group's part; sums over whole positions follow in a kernel of their own.
//
// CHECK-LABEL: func @norm_in_groups
//       CHECK:   %[[X:.*]] = kernel.view <B x 2*M> %{{.*}} : tensor<?x?x8xf32> -> tensor<?x?x4xf32>
//       CHECK:   %[[N:.*]] = kernel.rows <B x 2*M> columns 4 in 1 x 4(%[[X]], %[[GAIN:[a-z0-9_]+]])
//       CHECK:     arith.remui
//       CHECK:   kernel.view <B x M> %[[N]] : tensor<?x?x4xf32> -> tensor<?x?x8xf32>
//       CHECK:   %[[D:.*]]:2 = kernel.rows <B x 2*M> columns 4 in 1 x 4(%{{.*}}, %{{.*}}, %[[GAIN]])
//       CHECK:   %[[TERMS:.*]] = kernel.view <B x M> %[[D]]#1 : tensor<?x?x4xf32> -> tensor<?x?x8xf32>
//       CHECK:   %[[SUMS:.*]] = kernel.rows <B x M> columns 8 in 1 x 8 block_sums [0](%[[TERMS]])
//       CHECK:   kernel.reduce <B x M> %[[SUMS]] sums <0 x 1> into [@gain] at 0 {blocks}
module attributes {mblm.inner = 1 : i64} {
  mblm.parameter @gain at 0 : tensor<8xf32>
  func.func @norm_in_groups(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
    %gain = mblm.load [@gain] : tensor<8xf32>
    %y = mblm.norm rms %x, %gain {eps = 1.0e-5 : f64, groups = 2 : i64} : tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>
    %dx, %dgain = mblm.norm_grad rms %y, %x, %gain {eps = 1.0e-5 : f64, groups = 2 : i64}
      : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<8xf32> -> tensor<?x?x8xf32>, tensor<8xf32>
    mblm.gradient [@gain], %dgain : tensor<8xf32>
    return %y, %dx : tensor<?x?x8xf32>, tensor<?x?x8xf32>
  }
}
