// Runs that cannot be.
// RUN: mblm-opt %s --kernel-lower-cpu --split-input-file --verify-diagnostics
// RUN: not mblm-opt %s --mblm-schedule-cpu=local-layers=often --split-input-file 2>&1 | FileCheck %s

// CHECK: error: expects local-layers never, pays or fits, but got often
module {
  mblm.parameter @u at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %u = kernel.weight [@u] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %u : tensor<64x64xf32> -> tensor<2x64x32xf32>
    %h = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>, kernel.run = 0 : i64}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    // expected-error@+1 {{'kernel.gemm' op expects to go with the others of its run, but it reads other rows than those of its item}}
    %y = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%h) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>, kernel.run = 0 : i64}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %zero = arith.constant 0 : index
      %a = kernel.load %in[%k, %zero, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    return %y : tensor<?x?x64xf32>
  }
}

// -----

module {
  mblm.parameter @u at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %u = kernel.weight [@u] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %u : tensor<64x64xf32> -> tensor<2x64x32xf32>
    %h = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>, kernel.run = 0 : i64}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    // expected-error@+1 {{'kernel.gemm' op expects the rows of its schedule to be those of the products before it in its run (48), but got 96}}
    %y = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%h) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 96>, kernel.run = 0 : i64}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    return %y : tensor<?x?x64xf32>
  }
}

// -----

module {
  mblm.parameter @u at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
    %u = kernel.weight [@u] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %u : tensor<64x64xf32> -> tensor<2x64x32xf32>
    %h = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>, kernel.run = 0 : i64}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    // expected-error@+1 {{'kernel.gemm' op expects to stand behind the run that makes what it reads, but stands among its kernels}}
    %g = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%h) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    %y = kernel.gemm <B x M> depth 64 in 1 x 64 columns 64 in 1 x 64(%g) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>, kernel.run = 0 : i64}
        : (tensor<?x?x64xf32>, tensor<2x64x32xf32>) -> tensor<?x?x64xf32> {
    ^bb0(%in: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x?x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x?x64xf32> -> f32
      kernel.yield %p : f32
    }
    return %y : tensor<?x?x64xf32>
  }
}

// -----

module {
  mblm.parameter @u at 0 : tensor<64x64xf32>
  func.func @forward(%x: tensor<?x5x64xf32>) -> tensor<?x5x64xf32> {
    %u = kernel.weight [@u] at 0 : tensor<64x64xf32>
    %packed = kernel.pack %u : tensor<64x64xf32> -> tensor<2x64x32xf32>
    %h = kernel.gemm <B*M x 5> depth 64 in 1 x 64 columns 64 in 1 x 64(%x) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>, kernel.run = 0 : i64}
        : (tensor<?x5x64xf32>, tensor<2x64x32xf32>) -> tensor<?x5x64xf32> {
    ^bb0(%in: tensor<?x5x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %a = kernel.load %in[%k, %t, %c] : tensor<?x5x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x5x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x5x64xf32> -> f32
      kernel.yield %p : f32
    }
    // expected-error@+1 {{'kernel.gemm' op expects the rows of its run's schedules to be a multiple of 5, which its kernels take at a time, but got 48}}
    %y = kernel.gemm <B*M x 5> depth 64 in 1 x 64 columns 64 in 1 x 64(%h) packed %packed epilogue() attributes {kernel.cpu_schedule = #kernel.cpu_schedule<rows = 48>, kernel.run = 0 : i64}
        : (tensor<?x5x64xf32>, tensor<2x64x32xf32>) -> tensor<?x5x64xf32> {
    ^bb0(%in: tensor<?x5x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %zero = arith.constant 0 : index
      %a = kernel.load %in[%k, %zero, %c] : tensor<?x5x64xf32> -> f32
      kernel.yield %a : f32
    }, {
    ^bb0(%product: tensor<?x5x64xf32>, %k: index, %t: index, %j: index, %d: index, %c: index):
      %p = kernel.load %product[%k, %t, %c] : tensor<?x5x64xf32> -> f32
      kernel.yield %p : f32
    }
    return %y : tensor<?x5x64xf32>
  }
}
