// Canonical forms, and what looks like one but is none.
// RUN: mblm-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func @regroup_to_own_type
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x?x8xf32>)
//  CHECK-NEXT:   return %[[X]]
func.func @regroup_to_own_type(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %0 = mblm.regroup %x : tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// CHECK-LABEL: func @regroup_of_regroup
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x?x8xf32>)
//  CHECK-NEXT:   %[[R:.*]] = mblm.regroup %[[X]] : tensor<?x?x8xf32> -> tensor<?x4x1xf32>
//  CHECK-NEXT:   return %[[R]]
func.func @regroup_of_regroup(%x: tensor<?x?x8xf32>) -> tensor<?x4x1xf32> {
  %0 = mblm.regroup %x : tensor<?x?x8xf32> -> tensor<?x2x4xf32>
  %1 = mblm.regroup %0 : tensor<?x2x4xf32> -> tensor<?x4x1xf32>
  return %1 : tensor<?x4x1xf32>
}

// Opening patches and closing them again.
// CHECK-LABEL: func @regroup_and_back
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x?x8xf32>)
//  CHECK-NEXT:   return %[[X]]
func.func @regroup_and_back(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %0 = mblm.regroup %x : tensor<?x?x8xf32> -> tensor<?x2x4xf32>
  %1 = mblm.regroup %0 : tensor<?x2x4xf32> -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}

// CHECK-LABEL: func @slice_of_nothing
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x4x8xf32>)
//  CHECK-NEXT:   return %[[X]]
func.func @slice_of_nothing(%x: tensor<?x4x8xf32>) -> tensor<?x4x8xf32> {
  %0 = mblm.slice %x : tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  return %0 : tensor<?x4x8xf32>
}

// CHECK-LABEL: func @slice_of_slice
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x9x8xf32>)
//  CHECK-NEXT:   %[[S:.*]] = mblm.slice %[[X]] {after = 3 : i64, before = 1 : i64} : {{.*}} -> tensor<?x5x8xf32>
//  CHECK-NEXT:   return %[[S]]
func.func @slice_of_slice(%x: tensor<?x9x8xf32>) -> tensor<?x5x8xf32> {
  %0 = mblm.slice %x {before = 1, after = 1} : tensor<?x9x8xf32> -> tensor<?x7x8xf32>
  %1 = mblm.slice %0 {after = 2} : tensor<?x7x8xf32> -> tensor<?x5x8xf32>
  return %1 : tensor<?x5x8xf32>
}

// CHECK-LABEL: func @slice_of_pad
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x4x8xf32>)
//  CHECK-NEXT:   %[[S:.*]] = mblm.slice %[[X]] {after = 1 : i64} : tensor<?x4x8xf32> -> tensor<?x3x8xf32>
//  CHECK-NEXT:   return %[[S]]
func.func @slice_of_pad(%x: tensor<?x4x8xf32>) -> tensor<?x3x8xf32> {
  %0 = mblm.pad %x {before = 1, after = 1} : tensor<?x4x8xf32> -> tensor<?x6x8xf32>
  %1 = mblm.slice %0 {before = 1, after = 2} : tensor<?x6x8xf32> -> tensor<?x3x8xf32>
  return %1 : tensor<?x3x8xf32>
}

// Zeros that stay must come from somewhere.
// CHECK-LABEL: func @slice_leaves_zeros
//       CHECK:   mblm.pad
//       CHECK:   mblm.slice
func.func @slice_leaves_zeros(%x: tensor<?x4x8xf32>) -> tensor<?x5x8xf32> {
  %0 = mblm.pad %x {before = 2} : tensor<?x4x8xf32> -> tensor<?x6x8xf32>
  %1 = mblm.slice %0 {before = 1} : tensor<?x6x8xf32> -> tensor<?x5x8xf32>
  return %1 : tensor<?x5x8xf32>
}

// CHECK-LABEL: func @slice_of_start_token
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x4x8xf32>, %{{.*}}: tensor<8xf32>)
//  CHECK-NEXT:   return %[[X]]
func.func @slice_of_start_token(%x: tensor<?x4x8xf32>, %s: tensor<8xf32>) -> tensor<?x4x8xf32> {
  %0 = mblm.start_token %x, %s : tensor<?x4x8xf32>, tensor<8xf32> -> tensor<?x5x8xf32>
  %1 = mblm.slice %0 {before = 1} : tensor<?x5x8xf32> -> tensor<?x4x8xf32>
  return %1 : tensor<?x4x8xf32>
}

// CHECK-LABEL: func @pad_of_pad
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x4x8xf32>)
//  CHECK-NEXT:   %[[P:.*]] = mblm.pad %[[X]] {after = 2 : i64, before = 1 : i64} : {{.*}} -> tensor<?x7x8xf32>
//  CHECK-NEXT:   return %[[P]]
func.func @pad_of_pad(%x: tensor<?x4x8xf32>) -> tensor<?x7x8xf32> {
  %0 = mblm.pad %x {before = 1} : tensor<?x4x8xf32> -> tensor<?x5x8xf32>
  %1 = mblm.pad %0 : tensor<?x5x8xf32> -> tensor<?x5x8xf32>
  %2 = mblm.pad %1 {after = 2} : tensor<?x5x8xf32> -> tensor<?x7x8xf32>
  return %2 : tensor<?x7x8xf32>
}

// CHECK-LABEL: func @concat_of_split
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x4x6xf32>)
//  CHECK-NEXT:   return %[[X]]
func.func @concat_of_split(%x: tensor<?x4x6xf32>) -> tensor<?x4x6xf32> {
  %0:2 = mblm.split %x : tensor<?x4x6xf32> -> tensor<?x4x2xf32>, tensor<?x4x4xf32>
  %1 = mblm.concat %0#0, %0#1 : tensor<?x4x2xf32>, tensor<?x4x4xf32> -> tensor<?x4x6xf32>
  return %1 : tensor<?x4x6xf32>
}

// CHECK-LABEL: func @concat_in_another_order
//       CHECK:   %[[S:.*]]:2 = mblm.split
//       CHECK:   mblm.concat %[[S]]#1, %[[S]]#0
func.func @concat_in_another_order(%x: tensor<?x4x6xf32>) -> tensor<?x4x6xf32> {
  %0:2 = mblm.split %x : tensor<?x4x6xf32> -> tensor<?x4x2xf32>, tensor<?x4x4xf32>
  %1 = mblm.concat %0#1, %0#0 : tensor<?x4x4xf32>, tensor<?x4x2xf32> -> tensor<?x4x6xf32>
  return %1 : tensor<?x4x6xf32>
}

// CHECK-LABEL: func @split_of_concat
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x4x2xf32>, %[[Y:.*]]: tensor<?x4x4xf32>)
//  CHECK-NEXT:   return %[[Y]], %[[X]]
func.func @split_of_concat(%x: tensor<?x4x2xf32>, %y: tensor<?x4x4xf32>) -> (tensor<?x4x4xf32>, tensor<?x4x2xf32>) {
  %0 = mblm.concat %x, %y : tensor<?x4x2xf32>, tensor<?x4x4xf32> -> tensor<?x4x6xf32>
  %1:2 = mblm.split %0 : tensor<?x4x6xf32> -> tensor<?x4x2xf32>, tensor<?x4x4xf32>
  return %1#1, %1#0 : tensor<?x4x4xf32>, tensor<?x4x2xf32>
}

// CHECK-LABEL: func @one_part
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x4x2xf32>)
//  CHECK-NEXT:   return %[[X]], %[[X]]
func.func @one_part(%x: tensor<?x4x2xf32>) -> (tensor<?x4x2xf32>, tensor<?x4x2xf32>) {
  %0 = mblm.split %x : tensor<?x4x2xf32> -> tensor<?x4x2xf32>
  %1 = mblm.concat %x : tensor<?x4x2xf32> -> tensor<?x4x2xf32>
  return %0, %1 : tensor<?x4x2xf32>, tensor<?x4x2xf32>
}

// CHECK-LABEL: func @rope_and_back
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x4x8xf32>)
//  CHECK-NEXT:   return %[[X]], %[[X]]
func.func @rope_and_back(%x: tensor<?x4x8xf32>) -> (tensor<?x4x8xf32>, tensor<?x4x8xf32>) {
  %0 = mblm.rope half_split %x {heads = 2} : tensor<?x4x8xf32>
  %1 = mblm.rope half_split %0 {heads = 2, inverse} : tensor<?x4x8xf32>
  %2 = mblm.rope half_split %x {inverse} : tensor<?x4x8xf32>
  %3 = mblm.rope half_split %2 : tensor<?x4x8xf32>
  return %1, %3 : tensor<?x4x8xf32>, tensor<?x4x8xf32>
}

// CHECK-LABEL: func @rope_of_other_heads
//       CHECK:   mblm.rope
//       CHECK:   mblm.rope
func.func @rope_of_other_heads(%x: tensor<?x4x8xf32>) -> tensor<?x4x8xf32> {
  %0 = mblm.rope half_split %x {heads = 2} : tensor<?x4x8xf32>
  %1 = mblm.rope half_split %0 {inverse} : tensor<?x4x8xf32>
  return %1 : tensor<?x4x8xf32>
}

// CHECK-LABEL: func @concat_of_split_positions
//  CHECK-SAME:   (%[[X:.*]]: tensor<?x4x6xf32>)
//  CHECK-NEXT:   return %[[X]]
func.func @concat_of_split_positions(%x: tensor<?x4x6xf32>) -> tensor<?x4x6xf32> {
  %0:2 = mblm.split %x {positions} : tensor<?x4x6xf32> -> tensor<?x1x6xf32>, tensor<?x3x6xf32>
  %1 = mblm.concat %0#0, %0#1 {positions} : tensor<?x1x6xf32>, tensor<?x3x6xf32> -> tensor<?x4x6xf32>
  return %1 : tensor<?x4x6xf32>
}

// Parts of features put behind each other are no whole again.
// CHECK-LABEL: func @concat_positions_of_split
//       CHECK:   mblm.split
//       CHECK:   mblm.concat
func.func @concat_positions_of_split(%x: tensor<?x2x4xf32>) -> tensor<?x4x2xf32> {
  %0:2 = mblm.split %x : tensor<?x2x4xf32> -> tensor<?x2x2xf32>, tensor<?x2x2xf32>
  %1 = mblm.concat %0#0, %0#1 {positions} : tensor<?x2x2xf32>, tensor<?x2x2xf32> -> tensor<?x4x2xf32>
  return %1 : tensor<?x4x2xf32>
}

// CHECK-LABEL: func @rope_of_other_widths
//       CHECK:   mblm.rope
//       CHECK:   mblm.rope
func.func @rope_of_other_widths(%x: tensor<?x4x8xf32>) -> tensor<?x4x8xf32> {
  %0 = mblm.rope half_split %x {rotated = 4} : tensor<?x4x8xf32>
  %1 = mblm.rope half_split %0 {inverse} : tensor<?x4x8xf32>
  return %1 : tensor<?x4x8xf32>
}
