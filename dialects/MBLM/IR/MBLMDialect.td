//===- MBLMDialect.td - The model-level dialect --------------*- tablegen -*-===//
// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MBLM_DIALECT
#define MBLM_DIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/MBLM/IR/MBLMInterfaces.td"

def MBLM_Dialect : Dialect {
  let name = "mblm";
  let cppNamespace = "::mblm";
  let summary = "Hierarchical byte language models, as people speak of them.";
  let description = [{
    Values are tensors. A *sequence batch* is `tensor<KxTxC>`: K independent sequences of T positions with C features. Dynamic
    sizes are functions of three numbers only: B, the batch, M, the outermost number of slots, and, where the data decides where
    patches end, P, the most patches of a sequence. At the outermost stage K = B and T follows M (or P); at every other stage T is
    static and K follows B and M. Where both K and T of a value are dynamic, K = B.
    Byte ids are `tensor<KxTxi32>`, padded by the caller to whole patches.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"]; // scans hold their code
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

class MBLM_Op<string mnemonic, list<Trait> traits = []>
    : Op<MBLM_Dialect, mnemonic, traits>;

class MBLM_PureOp<string mnemonic, list<Trait> traits = []>
    : MBLM_Op<mnemonic, !listconcat(traits, [
        Pure, DeclareOpInterfaceMethods<SymbolicShapeOpInterface>, DeclareOpInterfaceMethods<CostOpInterface>,
        DeclareOpInterfaceMethods<CausalityOpInterface, ["getTimeDependence"]>])>;

def MBLM_Sequences : 3DTensorOf<[F32]>;
def MBLM_Ids : 2DTensorOf<[I32]>;
def MBLM_PerPosition : 2DTensorOf<[F32]>;
def MBLM_Matrix : 2DTensorOf<[F32]>;
def MBLM_Vector : 1DTensorOf<[F32]>;
def MBLM_Scalar : Type<And<[0DTensorOf<[F32]>.predicate]>, "0D tensor of 32-bit float values", "::mlir::RankedTensorType">,
                  BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getF32Type())">;

// What dropout draws with: the seed (low and high word), the number of the draw, and 1 or 0: whether to drop at all.
def MBLM_DropoutKey : Type<CPred<"$_self == ::mlir::RankedTensorType::get({4}, ::mlir::IntegerType::get($_self.getContext(), 32))">,
                           "dropout key (tensor<4xi32>)", "::mlir::RankedTensorType">,
                      BuildableType<"::mlir::RankedTensorType::get({4}, $_builder.getI32Type())">;

#endif
