// RUN: mblm-opt %s --mblm-to-kernel --kernel-lower-gpu --verify-diagnostics

func.func @forward(%x: tensor<?x?x64xf32>, %dt: tensor<?x?x1xf32>, %b: tensor<?x?x3000xf32>, %v: tensor<1xf32>) -> tensor<?x?x64xf32> {
  // expected-error@+1 {{'kernel.ssd' op expects at most 166912 bytes of shared memory, all that a block has on sm_80, but needs 629120}}
  %y = mblm.ssd %x, %dt bias %v a %v b %b c %b skip %v {groups = 1 : i64, chunk = 256 : i64} : tensor<?x?x64xf32>, tensor<?x?x1xf32>, tensor<1xf32>, tensor<?x?x3000xf32>, tensor<1xf32>
  return %y : tensor<?x?x64xf32>
}
