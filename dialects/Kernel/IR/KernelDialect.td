//===- KernelDialect.td - The kernel-level dialect -----------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef KERNEL_DIALECT
#define KERNEL_DIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::mblm::kernel";
  let summary = "One op is one kernel: an anchor, and what was fused into it.";
  let description = [{
    Values are tensors without a place yet; memory planning gives each an offset in one arena. Most kernels run over a
    *space* of K sequences with T positions each, both linear forms of B, M and P.

    What is fused stands in regions called *row programs*: scalar code for one column of one row, run for all columns. Their
    arguments are the op's tensor operands, then five indices: the row's sequence `k` and position `t`, and the column as
    segment `j`, offset in the segment `d`, and plain column `c = j*width + d`. Only `kernel.row_sum` and `kernel.row_max` look
    across columns.
    A column index of a load is a uniform value plus 0, `d` or `c`, so that neighbouring columns are neighbours in memory.
  }];
  let dependentDialects = [
    "::mblm::MBLMDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

def Kernel_SpaceAttr : AttrDef<Kernel_Dialect, "Space"> {
  let mnemonic = "space";
  let summary = "K sequences of T positions, as linear forms of B, M and P.";
  let description = "Prints as `#kernel.space<4*B*M x 9>`.";
  let parameters = (ins "::mblm::SymbolicDim":$sequences, "::mblm::SymbolicDim":$positions);
  let hasCustomAssemblyFormat = 1;
}

def Kernel_ScheduleAttr : AttrDef<Kernel_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "The tiles that a kernel works on, on a GPU.";
  let description = [{
    An op carries it as `kernel.schedule`. It says how its kernels are made, not what they compute; the CPU's have one of their
    own (`#kernel.cpu_schedule`). The pass `mblm-schedule-gpu` writes one on every op that takes one and has none, so one that was
    written by hand stays.

    | op | `rows` | `columns` |
    | --- | --- | --- |
    | `kernel.gemm`, not streamed | of the product's tile that a block of threads has | of this tile |
    | `kernel.weight_gemm` | columns n of `grad`, in a block's tile of the gradient | depths c of this tile |
    | `kernel.attention`, `kernel.ranged_attention` but of steps | queries of a block | keys that it takes at a time |
    | `kernel.attention_grad`, `kernel.ranged_attention_grad` | queries of a block, in another kernel keys | keys, or queries, that it takes at a time |
    | `kernel.cross_entropy` | rows of a block, whose logits are all on chip | logits of a row at a time |
    | `kernel.cross_entropy_grad` | rows of a block of the kernel for `result` | columns of a tile in both its kernels |

    * `parts` (`kernel.weight_gemm`): into how many the rows are cut that a gradient is the sum of; the sums are then added in
      order. It is the one number here that results depend on, in their last bits.
    * `on_chip` (`kernel.gemm`): the block makes the rows that it multiplies in shared memory, for up to 8 tiles side by side.
      Without, rows that are more than what an input holds are made by a kernel of their own, in memory.
    * `layer` (`kernel.gemm`): the Transformer layer that ends here is one kernel; the other four ops of the layer then have no
      schedule. A block has whole sequences of the layer, `rows` rows at most, and `columns` columns of the hidden layer at a time.

    Products whose factors the copy engine brings (in bf16 on sm_90a, not `on_chip`) have 128 rows, of which those beyond `rows` are
    for nothing. An epilogue that looks across more columns than a tile has runs in a kernel of its own. Attention in bf16 on
    sm_90a is the warpgroups' where its tile is 128 x 128 and they can take it.

    Example: `#kernel.schedule<rows = 64, columns = 128, parts = 4>`.

    Constraints: `rows` and `columns` are multiples of 16, up to 128 and 256, and `parts` is in [1, 64]. Behind block sums, `rows`
    is 48. In `kernel.attention_grad` and `kernel.ranged_attention_grad`, `columns` is at most `2 * rows`.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, DefaultValuedParameter<"int64_t", "1">:$parts,
                        DefaultValuedParameter<"bool", "false">:$on_chip, DefaultValuedParameter<"bool", "false">:$layer);
  let builders = [
    AttrBuilder<(ins "int64_t":$rows, "int64_t":$columns, CArg<"int64_t", "1">:$parts, CArg<"bool", "false">:$on_chip,
                     CArg<"bool", "false">:$layer), [{ return $_get($_ctxt, rows, columns, parts, on_chip, layer); }]>
  ];
  let skipDefaultBuilders = 1;
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Kernel_CpuScheduleAttr : AttrDef<Kernel_Dialect, "CpuSchedule"> {
  let mnemonic = "cpu_schedule";
  let summary = "The work items of a product, and the passes over its depth, on a CPU.";
  let description = [{
    An op carries it as `kernel.cpu_schedule`, beside what a GPU's kernels may have. The pass `mblm-schedule-cpu` writes one on every
    op that takes one and has none, so one that was written by hand, or found by `mblm tune`, stays.

    | op | `rows` | `columns` | `depth` |
    | --- | --- | --- | --- |
    | `kernel.gemm` | of a work item | of a work item; 0: all | of one pass over the weight; 0: all |
    | `kernel.gemm`, streamed | 0: all | of a work item | 0: all |
    | `kernel.weight_gemm` | columns n of `grad`, in an item's piece of the gradient | depths c of this piece | 0: blocks of 256 rows |
    | `kernel.cross_entropy` | of a work item | 0: all | of one pass over the weight; 0: all |
    | `kernel.cross_entropy_grad` | whose logits are there at a time | 0: all | of one pass over the weight; 0: all |

    It depends on shapes, instructions and precision, never on threads, and so do results. `depth`, and `rows` of a
    `kernel.cross_entropy_grad`, decide in which order sums are added up: results depend on them in their last bits.

    Example: `#kernel.cpu_schedule<rows = 96, depth = 512>`.

    Constraints:
    * `rows` is a multiple of 48, up to 384; in a run (`kernel.run`) of a gemm without block sums any number up to 384; streamed, 0.
    * `columns` is 0 or a multiple of 32 up to 2048, for `kernel.weight_gemm` not 0; streamed, a multiple of 4 above 0.
    * `columns` of a packed `kernel.gemm` is 0 unless its epilogue looks at single columns, as a streamed one's does; that of
      cross entropies is 0.
    * `depth` is 0 or a multiple of 32; of streamed gemms and of `kernel.weight_gemm` 0.
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$rows, DefaultValuedParameter<"int64_t", "0">:$columns,
                        DefaultValuedParameter<"int64_t", "0">:$depth);
  let builders = [
    AttrBuilder<(ins "int64_t":$rows, CArg<"int64_t", "0">:$columns, CArg<"int64_t", "0">:$depth),
                [{ return $_get($_ctxt, rows, columns, depth); }]>
  ];
  let skipDefaultBuilders = 1;
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<Kernel_Dialect, mnemonic, traits>;

#endif
