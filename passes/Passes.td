//===- Passes.td - All passes of the compiler ----------------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One record a pass, grouped by folder. Each says what it does, what it needs, what it leaves, with an example.
//===----------------------------------------------------------------------===//
#ifndef MBLM_PASSES
#define MBLM_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Analysis
//===----------------------------------------------------------------------===//

def CheckCausalityPass : Pass<"mblm-check-causality", "::mlir::ModuleOp"> {
  let summary = "Proves that no row of the logits sees the byte it predicts, or a later one.";
  let description = [{
    Row t of @forward's result predicts byte t + 1, so it may depend on bytes up to t only; in @loss, row t of the
    logits predicts byte t + offset of its `mblm.cross_entropy`. The pass follows every value from the ids to the logits
    and keeps the newest byte that each position may depend on, from the ops' CausalityOpInterface and, where patches
    are opened, closed or shifted, from their sizes. An error names the op at which a position first sees bytes behind
    its own slot.

    Needs: an `mblm` module with @forward. Leaves: the module as it is.

    Example: attention with `mask(full)` over the patches of a sequence is an error at the attention.
  }];
  let dependentDialects = ["::mblm::MBLMDialect"];
}

def PrintShapesPass : Pass<"mblm-print-shapes", "::mlir::ModuleOp"> {
  let summary = "Shows the size of every value as a form of B, M and P.";
  let description = [{
    A remark at each op of each function with its results' sizes, such as `[B*M, 8, 128]`: B is the batch, M the number
    of outermost slots.

    Needs: an `mblm` module; its attribute `mblm.inner` is the number of bytes in an outermost slot. Leaves: the module
    as it is.

    Example: `mblm-opt model.mlir --mblm-print-shapes` prints `remark: [B, 4*M]` at an op on ids with `mblm.inner = 4`.
  }];
  let dependentDialects = ["::mblm::MBLMDialect"];
}

//===----------------------------------------------------------------------===//
// Autodiff
//===----------------------------------------------------------------------===//

def DifferentiatePass : Pass<"mblm-differentiate", "::mlir::ModuleOp"> {
  let summary = "Builds @gradients and @train_step from @loss.";
  let description = [{
    @gradients(ids, mask, scale) -> (loss, sum, count) is @loss followed by its reverse sweep, with `scale` as the gradient of
    the loss. Every op builds its own vector-Jacobian product (DifferentiableOpInterface); a parameter's gradient becomes an
    `mblm.gradient` as soon as its last term is there. @train_step(ids, mask, scale, hyper, decay) -> (loss, sum, count, norm)
    is the same followed by `mblm.update`. Where the module has @train_loss(ids, mask, key), the loss with dropout, both are
    made from it instead and take `key` behind `mask`.

    Forward values of ops that are cheap to compute again are: their ops stand a second time right before the first use in the
    sweep, marked with the attribute `mblm.recompute`, which keeps them apart from the forward ops when equal ops are joined.
    Locations of backward ops are the forward op's name with `/grad` or `/recompute` behind.

    With `recompute-stages`, all values inside the layers of these stages are computed again, each once and right before the
    layer's backward ops; what is kept of a layer is its result alone. The op that makes it has the attribute `mblm.layer_end`
    with the stage's number; a layer's ops are those behind the result of the layer before.

    A function @f that @loss runs by pieces gets @f_grad beside it: @f followed by its own reverse sweep, from the gradients of
    @f's results to those of its arguments. So the backward pass of a piece begins with its forward pass.

    Needs: a module with `mblm.parameter`s and @loss(ids, mask) -> (loss, sum, count), one block of differentiable ops; neither
    @gradients nor @train_step. Leaves: these two functions, and those of pieces; all others as they are, but @train_loss,
    which is gone.

    Example: `%y = mblm.linear %x, %w` with the gradient %dy of %y adds `mblm.weight_grad %dy, %x` for the weight and
    `mblm.linear %dy, %w {transposed}` for %x.
  }];
  let options = [
    Option<"recompute", "recompute", "bool", /*default=*/"true", "Compute cheap forward values again instead of keeping them">,
    Option<"recomputeHidden", "recompute-hidden", "bool", /*default=*/"true",
           "With recompute, also the linear maps before activations: about 8 % more arithmetic for an eighth to a fifth less memory">,
    ListOption<"recomputeStages", "recompute-stages", "int64_t",
               "With recompute, also everything inside the layers of these stages: their forward pass runs twice">];
  let dependentDialects = ["::mblm::MBLMDialect", "::mlir::func::FuncDialect"];
}

//===----------------------------------------------------------------------===//
// Decode
//===----------------------------------------------------------------------===//

def DecodePass : Pass<"mblm-decode", "::mlir::ModuleOp"> {
  let summary = "Derives steps with explicit state from @forward.";
  let description = [{
    For stage i, outermost first, these functions work on one call's positions P, P + 1, ... of the stage's sequence:
    * @step_i(ids of one slot): embeds the slot, adds what the stage above left for it, and runs the stage at this position. The
      local stage returns the logits of the next byte; any other one leaves its projection as the slots of the stage below.
    * @begin_i(): the same for the start vector alone, at position 0. Only of stages that have one.
    * @prefill_0(ids of `prefill-rows` slots): as that many steps in one, but nothing comes out: it only fills the states. None
      where the stage has learned positions for fewer. @short_prefill_0 is the same of an eighth of the slots.
    What later positions need of a call stays in `mblm.state`s. A state needs no clearing: ops know their position, so that
    @begin_i (or @step_0 at P = 0) begins a sequence anew. Ops on single positions are taken over as they are; others build
    their own steps (StatefulOpInterface).

    Where attention goes by ranges, a step takes one byte and, by arguments with the attribute `mblm.ranges`, the ranges of its
    position, which the caller knows: their attributes are those of the op that makes them in @forward. Where the data decides the
    patches there are three: @step_1(ids that the newest byte's n-grams reach) is the bytes' way to the patches, @step_0(ranges) a
    patch that is complete, and @step_2(ranges) the same byte's way from the patches to logits. P is the number of the byte or patch.
    Each has its @prefill_i, as `prefill-rows` steps in one that return what all of these return, and its @short_prefill_i.

    Needs: @forward(ids) -> logits in `mblm` ops, of stages one below the other. Leaves: these functions and the states; all others
    as they are. A module's attribute `mblm.step_weights` goes to these functions, too.

    Example: `mblm.token_shift %x` becomes `%r = mblm.recall %tail, %x`, a shift of %r without its first position, and at the end
    of the function `mblm.write %tail, %x`.
  }];
  let options = [Option<"prefillRows", "prefill-rows", "int64_t", /*default=*/"64", "Slots of a prefill; 0: none">];
  let dependentDialects = ["::mblm::MBLMDialect", "::mlir::func::FuncDialect"];
}

//===----------------------------------------------------------------------===//
// ConvertToKernel
//===----------------------------------------------------------------------===//

def ConvertToKernelPass : Pass<"mblm-convert-to-kernel", "::mlir::ModuleOp"> {
  let summary = "Turns the model's ops into kernels, one anchor each.";
  let description = [{
    Every `mblm` op becomes the kernel op of its anchor: linear maps a `kernel.gemm` over packed weights, point-wise work and
    gathers a `kernel.rows`, and so on; nothing is fused into them yet but the bias. With `fuse`, ops that have a joint kernel
    become one: attention with the split and the rotations before it, logits with their cross entropy.

    In functions with the attribute `mblm.step_weights`, "int8", streamed gemms read the numbers of a `kernel.quantize` and multiply by
    its scales behind, but where something else in such functions reads the parameters too, such as the embedding of a tied head.

    Needs: an `mblm` module whose sizes are linear forms of B, M and P. Leaves: the same functions in `kernel` ops; the
    parameters.

    Example: `%y = mblm.activation gelu %x` becomes a `kernel.rows` that loads one element and yields its gelu.
  }];
  let options = [Option<"fuse", "fuse", "bool", /*default=*/"true", "Use joint kernels for ops that have one">];
  let dependentDialects = ["::mblm::kernel::KernelDialect"];
}

//===----------------------------------------------------------------------===//
// Fusion
//===----------------------------------------------------------------------===//

def FuseKernelsPass : Pass<"kernel-fuse", "::mlir::func::FuncOp"> {
  let summary = "Moves row programs into the kernels beside them.";
  let description = [{
    Three moves, each when the cost model finds that it saves more traffic than it repeats arithmetic:
    * a `kernel.rows` moves into every row program that reads its result (a norm, a shift or a gather into a gemm's prologue);
    * a `kernel.rows` that reads a gemm's product at its own row moves into the gemm's epilogue (residual, activation,
      gradients of norms and activations);
    * a sum over rows becomes block sums of the kernel that makes the rows (gradients of biases).
    Every move is a passed remark at the kernel that took the op in; every op that stays alone is a missed remark with the
    reason (category `kernel-fuse`).

    Needs: a function in `kernel` ops. Leaves: the same function with fewer kernels.

    Example: `kernel.rows` of a norm between two gemms disappears; the second gemm's prologue has its two reductions.
  }];
  let options = [Option<"limit", "limit", "int64_t", /*default=*/"-1", "Stop after so many moves; -1: no limit">];
}

//===----------------------------------------------------------------------===//
// Precision
//===----------------------------------------------------------------------===//

def NarrowStoragePass : Pass<"kernel-narrow-storage", "::mlir::func::FuncOp"> {
  let summary = "Keeps tensors between kernels in bf16.";
  let description = [{
    Results with a number for each feature of each row become bf16, and so do packs of weights; what kernels sum up, keep once a
    row or a head, or hand to the caller stays f32, as do parameters, gradients of parameters, and states. With `packs-only`
    nothing but packs, which products read, becomes bf16.

    Needs: a function in `kernel` ops. Leaves: the same function with other types.

    Example: `kernel.gemm` of tensor<?x?x512xf32> becomes one of tensor<?x?x512xbf16>; its epilogue still computes in f32.
  }];
  let options = [Option<"packsOnly", "packs-only", "bool", /*default=*/"false", "Only packs of weights and rows">];
}

//===----------------------------------------------------------------------===//
// LowerCPU
//===----------------------------------------------------------------------===//

def ScheduleCPUPass : Pass<"mblm-schedule-cpu", "::mlir::func::FuncOp"> {
  let summary = "Writes on every product which work items it has on a CPU.";
  let description = [{
    What the cost model chooses for a level, as `kernel.cpu_schedule` (dialects/Kernel/IR/KernelDialect.td): on gemms, gradients of
    weights, cross entropies and their gradients. An op that has a schedule keeps it. The model looks at shapes, types, the
    level's vectors, tiles and caches; never at threads.

    Kernels that go together from block of rows to block of rows, a *run* (passes/LowerCPU/Run.h), have its number as `kernel.run`,
    and their products its rows: of neighbours without schedules of their own, and of functions where no op has such a number.

    Needs: a function in `kernel` ops, their types as they will be lowered. Leaves: the same function with attributes.

    Example: `kernel.weight_gemm` of 512 x 512 numbers gets `kernel.cpu_schedule = #kernel.cpu_schedule<rows = 192, columns = 256>`.
  }];
  let options = [Option<"level", "level", "std::string", /*default=*/"\"avx512\"", "amx, avx512bf16, avx512, avx2 or portable">,
                 Option<"localLayers", "local-layers", "std::string", /*default=*/"\"pays\"",
                        "Kernels that go together from block of rows to block of rows: never, where it pays, or wherever it fits">];
}

def LowerCPUPass : Pass<"kernel-lower-cpu", "::mlir::ModuleOp"> {
  let summary = "Writes every kernel as loops over vectors, and every entry as a list of launches.";
  let description = [{
    Each distinct kernel becomes one function over work items; kernels that differ only in their place in the model share it.
    Each function of the module becomes `mblm_entry_<name>`, which launches its kernels in order through the context's
    `parallel` (runtime/ABI.h). Tensors get their places in the arena first (passes/Memory). Kernels with one number `kernel.run` are
    launched at once, as a function that calls theirs for a block of rows after another; what only they read stays in scratch.

    Needs: a module in `kernel` ops with schedules (mblm-schedule-cpu). Leaves: func, scf, arith, math, vector and llvm ops; `mblm.entries` with the sizes of arena
    and scratch, `mblm.kernels` with one entry a launch; `op` counts the kernel ops of a function, weights, states and views
    left out, and `ops` lists those of a run; `mblm.kept` with the sizes of what the backward passes keep of the forward passes.

    What `kernel.quantize` makes of a weight, and in functions that keep states `kernel.transpose`, is a copy beside the parameters,
    equal ones once: the functions that read some have the attribute `prepared` in `mblm.entries`, `mblm.prepared` says how many floats
    they take and where those in int8 are, and the entry `prepare` makes them all.

    A private function is one that runs by pieces (`mblm.pieces`): it becomes `mblm_pieces_<name>`, which its callers run in a
    loop, with a context of its own in which the piece is the whole batch. Its arena is a part of theirs, for G slots.

    Products of packs in bf16 round their other factor too and sum up in f32; with `precision` bf16 long attention does so with
    its blocks. Levels differ in how: tiles (amx), sums of pairs (avx512bf16), or factors widened again.

    Example: two layers of equal shape give one `stage1_attention_qkv_gemm`, called twice with other pointers.
  }];
  let options = [Option<"level", "level", "std::string", /*default=*/"\"avx512\"", "of machine: amx, avx512bf16, avx512, avx2, portable or neon">,
                 Option<"precision", "precision", "std::string", /*default=*/"\"f32\"", "f32 or bf16">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::func::FuncDialect"];
}

//===----------------------------------------------------------------------===//
// LowerGPU
//===----------------------------------------------------------------------===//

def ScheduleGPUPass : Pass<"mblm-schedule-gpu", "::mlir::func::FuncOp"> {
  let summary = "Writes on every kernel with tiles which ones it has on a GPU.";
  let description = [{
    What the cost model chooses for an architecture and a precision, as `kernel.schedule` (dialects/Kernel/IR/KernelDialect.td): on
    gemms that are not streamed, gradients of weights, attention over more than 32 positions and its gradient, cross entropies
    and their gradients. An op that has a schedule keeps it. Where a Transformer layer on at most 32 positions is to be one kernel,
    its last op says so, and the others get none; not if one of them has a schedule of its own.

    Needs: a function in `kernel` ops, their types as they will be lowered. Leaves: the same function with attributes.

    Example: `kernel.gemm` with 512 columns gets `kernel.schedule = #kernel.schedule<rows = 48, columns = 128>` in f32.
  }];
  let options = [Option<"arch", "arch", "std::string", /*default=*/"\"sm_80\"", "sm_80 or sm_90a">,
                 Option<"precision", "precision", "std::string", /*default=*/"\"f32\"", "f32, tf32 or bf16">,
                 Option<"localLayers", "local-layers", "std::string", /*default=*/"\"pays\"",
                        "Layers on sequences of at most 32 positions as one kernel: never, where it pays, or wherever it fits">];
}

def LowerGPUPass : Pass<"kernel-lower-gpu", "::mlir::ModuleOp"> {
  let summary = "Writes every kernel as CUDA kernels, and every entry as a list of launches.";
  let description = [{
    Each distinct kernel becomes one or more functions of a gpu.module; kernels that differ only in their place in the model share
    them. Their arguments are the tensors' pointers, B, M, the most patches of a sequence, and where the position stands (passes/LowerGPU/KernelWriter.h). Tensors get
    their places in the arena first (passes/Memory). Packs are none here: products read the weights themselves.

    A private function is one that runs by pieces (`mblm.pieces`): its launches stand in its callers' lists, as those of a loop.

    Needs: a module in `kernel` ops with schedules (mblm-schedule-gpu). Leaves: `gpu.module @kernels` in gpu, nvvm, scf, arith,
    math, vector and llvm ops; `mblm.gpu` with the arena and the launches of each entry: kernel, blocks ceil(grid / divisor) by
    y, threads, bytes of shared memory, and for each pointer its buffer (runtime/ABI.h) and its offset there. A launch with a
    `product` begins those that a library may compute in one call (runtime/Gpu/Plan.h).

    Example: two layers of equal shape give one `stage1_attention_qkv_gemm`, launched twice with other pointers.
  }];
  let options = [Option<"arch", "arch", "std::string", /*default=*/"\"sm_80\"", "sm_80 or sm_90a">,
                 Option<"precision", "precision", "std::string", /*default=*/"\"f32\"", "f32, tf32 or bf16">,
                 Option<"library", "library", "std::string", /*default=*/"\"pays\"",
                        "Products that cuBLASLt may compute: none, where it pays, or wherever it fits">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::gpu::GPUDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::func::FuncDialect"];
}

def ConvertToNVVMPass : Pass<"gpu-convert-to-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "The last step of a gpu.module: llvm and nvvm ops, and nothing of libdevice.";
  let description = [{
    Converts arith, math, cf and gpu ops, functions included. Functions of the math dialect become LLVM's intrinsics.

    Needs: a gpu.module without scf ops and, in registers, vectors as in llvm; functions that LLVM has no instruction for are
    gone (ApproximateMathPass). Leaves: llvm and nvvm ops, and casts that reconcile.

    Example: `math.sqrt %x : f32` becomes `llvm.intr.sqrt`, one instruction of PTX.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

//===----------------------------------------------------------------------===//
// Emit
//===----------------------------------------------------------------------===//

def ApproximateMathPass : Pass<"mblm-approximate-math"> {
  let summary = "Polynomials for exp, log, log1p, tanh and erf.";
  let description = [{
    Replaces the f32 forms of these functions, scalar or vector, by upstream's polynomials (errors of 1 to 5 units in the last
    place). Vectors of functions have no other way down but one library call a lane; `math.erf` has none at all. Sines and
    cosines stay: they stand in tables only, and near zero their polynomials are bad.

    Needs: vectors as they will be in registers. Leaves: arith, math and vector ops.

    Example: `math.exp %x : vector<16xf32>` becomes 20 or so vector ops.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

#endif
