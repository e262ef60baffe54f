// What only sm_90a has: a tile brought by the copy engine, and a product of four warps out of it.
!sums = !llvm.struct<(f32, f32, f32, f32)>
module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.mlir.global external @mblm_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  gpu.func @tiles(%y: !llvm.ptr<1> {llvm.align = 16 : i64}, %b: i64, %m: i64, %call: !llvm.ptr<1>, %map: !llvm.ptr)
      kernel attributes {nvvm.maxntid = array<i32: 128>, mblm.shared_bytes = 9216 : i64, mblm.tensor_maps = array<i64: 4>} {
    %tile = llvm.mlir.addressof @mblm_shared : !llvm.ptr<3>
    %full = llvm.getelementptr %tile[8192] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %bytes = arith.constant 8192 : i32
    %ticks = arith.constant 10000000 : i32
    %first = arith.cmpi eq, %thread, %zero : i32
    scf.if %first {
      nvvm.mbarrier.init %full, %one : !llvm.ptr<3>, i32
    }
    nvvm.barrier0
    scf.if %first {
      nvvm.mbarrier.arrive.expect_tx %full, %bytes : !llvm.ptr<3>, i32
      nvvm.cp.async.bulk.tensor.shared.cluster.global %tile, %map, %full, box[%zero, %zero] {isCTAOnly = true} : !llvm.ptr<3>, !llvm.ptr
    }
    nvvm.mbarrier.try_wait.parity %full, %zero, %ticks : !llvm.ptr<3>, i32, i32
    %descriptor = llvm.mlir.constant(4611686293305360384 : i64) : i64
    %none = llvm.mlir.zero : !sums
    nvvm.wgmma.fence.aligned
    %sums = nvvm.wgmma.mma_async %descriptor, %descriptor, %none, #nvvm.shape<m = 64, n = 8, k = 16>,
        D [<f32>, #nvvm.wgmma_scale_out<one>], A [<bf16>, #nvvm.wgmma_scale_in<one>, <row>], B [<bf16>, #nvvm.wgmma_scale_in<one>, <col>]
        : !sums -> !sums
    nvvm.wgmma.commit.group.sync.aligned
    nvvm.wgmma.wait.group.sync.aligned 0
    %sum = llvm.extractvalue %sums[0] : !sums
    %to = llvm.getelementptr %y[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    llvm.store %sum, %to : f32, !llvm.ptr<1>
    gpu.return
  }
}
}
