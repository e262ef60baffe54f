// Every op of state spaces, with every optional part, survives printing, parsing and bytecode.
// RUN: mblm-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @convolutions
func.func @convolutions(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>, %b: tensor<8xf32>) {
  // CHECK: mblm.causal_conv %[[X:.*]], %[[W:.*]] : tensor<?x?x8xf32>, tensor<8x4xf32>{{$}}
  %0 = mblm.causal_conv %x, %w : tensor<?x?x8xf32>, tensor<8x4xf32>
  // CHECK: mblm.causal_conv %[[X]], %[[W]], %{{.*}} : tensor<?x?x8xf32>, tensor<8x4xf32>, tensor<8xf32>
  %1 = mblm.causal_conv %x, %w, %b : tensor<?x?x8xf32>, tensor<8x4xf32>, tensor<8xf32>
  // CHECK: mblm.causal_conv %[[X]], %[[W]] {reverse} : tensor<?x?x8xf32>, tensor<8x4xf32>
  %2 = mblm.causal_conv %x, %w {reverse} : tensor<?x?x8xf32>, tensor<8x4xf32>
  // CHECK: mblm.causal_conv_weight_grad %[[X]], %[[X]] : tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<8x4xf32>
  %3 = mblm.causal_conv_weight_grad %x, %x : tensor<?x?x8xf32>, tensor<?x?x8xf32> -> tensor<8x4xf32>
  return
}

// CHECK-LABEL: func @selective_scan
func.func @selective_scan(%x: tensor<?x?x8xf32>, %a: tensor<8x4xf32>, %b: tensor<?x?x4xf32>, %d: tensor<8xf32>) {
  // CHECK: mblm.selective_scan %[[X:.*]], %[[X]] a %[[A:.*]] b %[[B:.*]] c %[[B]] skip %[[D:.*]] : tensor<?x?x8xf32>,
  // CHECK-SAME: tensor<8x4xf32>, tensor<?x?x4xf32>, tensor<8xf32>{{$}}
  %0 = mblm.selective_scan %x, %x a %a b %b c %b skip %d
    : tensor<?x?x8xf32>, tensor<8x4xf32>, tensor<?x?x4xf32>, tensor<8xf32>
  // CHECK: mblm.selective_scan %[[X]], %[[X]] a %[[A]] b %[[B]] c %[[B]] skip %[[D]] gate %[[X]] : tensor<?x?x8xf32>,
  // CHECK-SAME: tensor<8x4xf32>, tensor<?x?x4xf32>, tensor<8xf32>, tensor<?x?x8xf32>{{$}}
  %1 = mblm.selective_scan %x, %x a %a b %b c %b skip %d gate %x
    : tensor<?x?x8xf32>, tensor<8x4xf32>, tensor<?x?x4xf32>, tensor<8xf32>, tensor<?x?x8xf32>
  // CHECK: mblm.selective_scan_grad %[[X]], %[[X]], %[[X]] a %[[A]] b %[[B]] c %[[B]] skip %[[D]] : {{.*}}tensor<8xf32>{{$}}
  %2:6 = mblm.selective_scan_grad %x, %x, %x a %a b %b c %b skip %d
    : tensor<?x?x8xf32>, tensor<8x4xf32>, tensor<?x?x4xf32>, tensor<8xf32>
  // CHECK: mblm.selective_scan_grad %[[X]], %[[X]], %[[X]] a %[[A]] b %[[B]] c %[[B]] skip %[[D]] gate %[[X]] :
  // CHECK-SAME: tensor<?x?x8xf32> -> tensor<?x?x8xf32>{{$}}
  %3:7 = mblm.selective_scan_grad %x, %x, %x a %a b %b c %b skip %d gate %x
    : tensor<?x?x8xf32>, tensor<8x4xf32>, tensor<?x?x4xf32>, tensor<8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return
}

// CHECK-LABEL: func @ssd
func.func @ssd(%x: tensor<?x?x8xf32>, %dt: tensor<?x?x2xf32>, %h: tensor<2xf32>, %b: tensor<?x?x6xf32>) {
  // CHECK: mblm.ssd %[[X:.*]], %[[DT:.*]] bias %[[H:.*]] a %[[H]] b %[[B:.*]] c %[[B]] skip %[[H]] : tensor<?x?x8xf32>,
  %0 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %h
    : tensor<?x?x8xf32>, tensor<?x?x2xf32>, tensor<2xf32>, tensor<?x?x6xf32>, tensor<2xf32>
  // CHECK: mblm.ssd {{.*}} {chunk = 16 : i64, dt_max = 1.000000e-01 : f64, dt_min = 1.000000e-03 : f64, groups = 2 : i64} :
  %1 = mblm.ssd %x, %dt bias %h a %h b %b c %b skip %h
    {groups = 2, chunk = 16, dt_min = 0.001 : f64, dt_max = 0.1 : f64}
    : tensor<?x?x8xf32>, tensor<?x?x2xf32>, tensor<2xf32>, tensor<?x?x6xf32>, tensor<2xf32>
  // CHECK: mblm.ssd_grad %[[X]], %[[X]], %[[DT]] bias %[[H]] a %[[H]] b %[[B]] c %[[B]] skip %[[H]] {groups = 2 : i64} :
  %2:7 = mblm.ssd_grad %x, %x, %dt bias %h a %h b %b c %b skip %h {groups = 2}
    : tensor<?x?x8xf32>, tensor<?x?x2xf32>, tensor<2xf32>, tensor<?x?x6xf32>, tensor<2xf32>
  return
}
