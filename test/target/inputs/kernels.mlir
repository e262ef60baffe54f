// Three kernels as the compiler's passes leave them, small enough to count by hand.
module attributes {gpu.container_module} {
gpu.module @kernels {
  llvm.mlir.global external @mblm_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

  // y = x * x: a load and a store of 16 bytes, then the same of 4 and 2 bytes.
  gpu.func @square(%x: !llvm.ptr<1> {llvm.align = 16 : i64, llvm.noalias, llvm.readonly},
                   %y: !llvm.ptr<1> {llvm.align = 16 : i64, llvm.noalias},
                   %b: i64, %m: i64, %call: !llvm.ptr<1> {llvm.align = 256 : i64})
      kernel attributes {nvvm.maxntid = array<i32: 256>} {
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %i = arith.extui %thread : i32 to i64
    %from = llvm.getelementptr %x[%i] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, vector<4xf32>
    %to = llvm.getelementptr %y[%i] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, vector<4xf32>
    %four = llvm.load %from {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
    %squares = arith.mulf %four, %four : vector<4xf32>
    llvm.store %squares, %to {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
    %from1 = llvm.getelementptr %from[%b] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, f32
    %to1 = llvm.getelementptr %to[%m] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, bf16
    %one = llvm.load %from1 : !llvm.ptr<1> -> f32
    %rounded = arith.truncf %one : f32 to bf16
    llvm.store %rounded, %to1 : bf16, !llvm.ptr<1>
    gpu.return
  }

  // A product of a warp from shared memory, its operands copied asynchronously, its sum added in place.
  gpu.func @product(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>, %b: i64, %m: i64, %call: !llvm.ptr<1>)
      kernel attributes {nvvm.maxntid = array<i32: 128>, mblm.shared_bytes = 65536 : i64} {
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %shared = llvm.mlir.addressof @mblm_shared : !llvm.ptr<3>
    %from = llvm.getelementptr %x[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, vector<4xi32>
    %row = llvm.getelementptr %shared[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, vector<4xi32>
    nvvm.cp.async.shared.global %row, %from, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.shared.global %row, %from, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 0
    nvvm.barrier0
    %tile = nvvm.ldmatrix %row {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>}
        : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
    %a0 = llvm.extractvalue %tile[0] : !llvm.struct<(i32, i32, i32, i32)>
    %a1 = llvm.extractvalue %tile[1] : !llvm.struct<(i32, i32, i32, i32)>
    %a2 = llvm.extractvalue %tile[2] : !llvm.struct<(i32, i32, i32, i32)>
    %a3 = llvm.extractvalue %tile[3] : !llvm.struct<(i32, i32, i32, i32)>
    %zero = arith.constant 0.0 : f32
    %sums = nvvm.mma.sync A[%a0, %a1, %a2, %a3] B[%a0, %a1] C[%zero, %zero, %zero, %zero]
        {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<bf16>,
         multiplicandBPtxType = #nvvm.mma_type<bf16>, shape = #nvvm.shape<m = 16, n = 8, k = 16>}
        : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    %sum = llvm.extractvalue %sums[0] : !llvm.struct<(f32, f32, f32, f32)>
    %to = llvm.getelementptr %y[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %old = llvm.atomicrmw fadd %to, %sum monotonic : !llvm.ptr<1>, f32
    gpu.return
  }
}
}
