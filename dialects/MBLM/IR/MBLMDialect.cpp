// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of the `mblm` dialect and its generated definitions.
#include "dialects/MBLM/IR/MBLMOps.h"
#include "dialects/MBLM/IR/MBLMSyntax.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;

#include "dialects/MBLM/IR/MBLMDialect.cpp.inc"
#include "dialects/MBLM/IR/MBLMEnums.cpp.inc"
#include "dialects/MBLM/IR/MBLMInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/MBLM/IR/MBLMAttrs.cpp.inc"

ParseResult mblm::parseMask(OpAsmParser &parser, MaskKindAttr &mask, IntegerAttr &block) {
  auto kind = FieldParser<MaskKind>::parse(parser);
  if (failed(kind)) {
    return failure();
  }
  mask = MaskKindAttr::get(parser.getContext(), *kind);
  return parser.parseOptionalComma() ? success() : parser.parseAttribute(block, parser.getBuilder().getI64Type());
}

void mblm::printMask(OpAsmPrinter &printer, Operation *, MaskKindAttr mask, IntegerAttr block) {
  printer << stringifyMaskKind(mask.getValue());
  if (block) {
    printer << ", " << block.getInt();
  }
}

#define GET_OP_CLASSES
#include "dialects/MBLM/IR/MBLMOps.cpp.inc"

void MBLMDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/MBLM/IR/MBLMOps.cpp.inc"
      >();
}

void MBLMDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/MBLM/IR/MBLMAttrs.cpp.inc"
      >();
}
