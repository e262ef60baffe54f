// RUN: mblm-opt %s --mblm-to-kernel --kernel-lower-gpu | FileCheck %s
// RUN: mblm-opt %s --mblm-to-kernel --kernel-lower-gpu --gpu-to-nvvm -o /dev/null

// How blocks are cut: a long sequence of 1024 channels has a block for each 8 of them, whose threads share its positions; short
// sequences have a thread a channel.
module attributes {mblm.inner = 8 : i64} {
  mblm.parameter @x at 0 : tensor<256x1024xf32>
  mblm.parameter @b at 262144 : tensor<256x16xf32>
  mblm.parameter @a at 266240 : tensor<1024x16xf32>
  mblm.parameter @s at 282624 : tensor<1024xf32>

  // CHECK: mblm.gpu
  // CHECK-SAME: long = {
  // CHECK-SAME: grid = array<i64: 0, 0, 128, 0, 0>, kernel = "scan"
  // CHECK-SAME: threads = 256
  // CHECK-SAME: short = {
  // CHECK-SAME: grid = array<i64: 0, 0, 0, 4, 0>, kernel = "scan_v2"
  // CHECK-SAME: threads = 256
  func.func @long(%ids: tensor<?x?xi32>) -> tensor<?x?x1024xf32> {
    %tx = mblm.load [@x] : tensor<256x1024xf32>
    %tb = mblm.load [@b] : tensor<256x16xf32>
    %a = mblm.load [@a] : tensor<1024x16xf32>
    %s = mblm.load [@s] : tensor<1024xf32>
    %x = mblm.embed %ids, %tx : tensor<?x?xi32>, tensor<256x1024xf32> -> tensor<?x?x1024xf32>
    %b = mblm.embed %ids, %tb : tensor<?x?xi32>, tensor<256x16xf32> -> tensor<?x?x16xf32>
    %y = mblm.selective_scan %x, %x a %a b %b c %b skip %s : tensor<?x?x1024xf32>, tensor<1024x16xf32>, tensor<?x?x16xf32>, tensor<1024xf32>
    return %y : tensor<?x?x1024xf32>
  }
  func.func @short(%ids: tensor<?x?xi32>) -> tensor<?x8x1024xf32> {
    %tx = mblm.load [@x] : tensor<256x1024xf32>
    %tb = mblm.load [@b] : tensor<256x16xf32>
    %a = mblm.load [@a] : tensor<1024x16xf32>
    %s = mblm.load [@s] : tensor<1024xf32>
    %flat = mblm.embed %ids, %tx : tensor<?x?xi32>, tensor<256x1024xf32> -> tensor<?x?x1024xf32>
    %bs = mblm.embed %ids, %tb : tensor<?x?xi32>, tensor<256x16xf32> -> tensor<?x?x16xf32>
    %x = mblm.regroup %flat : tensor<?x?x1024xf32> -> tensor<?x8x1024xf32>
    %b = mblm.regroup %bs : tensor<?x?x16xf32> -> tensor<?x8x16xf32>
    %y = mblm.selective_scan %x, %x a %a b %b c %b skip %s : tensor<?x8x1024xf32>, tensor<1024x16xf32>, tensor<?x8x16xf32>, tensor<1024xf32>
    return %y : tensor<?x8x1024xf32>
  }
}
