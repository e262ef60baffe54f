// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of the `kernel` dialect and the text form of its space attribute.
#include "dialects/Kernel/IR/KernelOps.h"
#include "dialects/MBLM/IR/MBLMSyntax.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

namespace mblm {
// Attribute parameters must be hashable.
static llvm::hash_code hash_value(const SymbolicDim &dim) { return llvm::hash_combine(dim.one, dim.m, dim.b, dim.bm, dim.p, dim.bp); }
} // namespace mblm

#include "dialects/Kernel/IR/KernelDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/IR/KernelAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Kernel/IR/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/Kernel/IR/KernelOps.cpp.inc"
      >();
}

void KernelDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Kernel/IR/KernelAttrs.cpp.inc"
      >();
}

void SpaceAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printer.getStream() << getSequences() << " x ";
  printer.getStream() << getPositions() << ">";
}

// form ::= term (`+` term)*, term ::= [integer `*`] (`B` [`*` (`M` | `P`)] | `M` | `P`) | integer
static ParseResult parseForm(AsmParser &parser, SymbolicDim &dim) {
  do {
    int64_t coefficient = 1;
    OptionalParseResult number = parser.parseOptionalInteger(coefficient);
    if (number.has_value() && failed(*number)) {
      return failure();
    }
    if (number.has_value() && failed(parser.parseOptionalStar())) {
      dim.one += coefficient;
      continue;
    }
    if (succeeded(parser.parseOptionalKeyword("M"))) {
      dim.m += coefficient;
    } else if (succeeded(parser.parseOptionalKeyword("P"))) {
      dim.p += coefficient;
    } else if (succeeded(parser.parseOptionalKeyword("B"))) {
      if (succeeded(parser.parseOptionalStar())) {
        if (succeeded(parser.parseOptionalKeyword("P"))) {
          dim.bp += coefficient;
        } else if (failed(parser.parseKeyword("M"))) {
          return failure();
        } else {
          dim.bm += coefficient;
        }
      } else {
        dim.b += coefficient;
      }
    } else {
      return parser.emitError(parser.getCurrentLocation(), "expects a number, B, M or P in a linear form");
    }
  } while (succeeded(parser.parseOptionalPlus()));
  return success();
}

Attribute SpaceAttr::parse(AsmParser &parser, Type) {
  SymbolicDim sequences, positions;
  if (parser.parseLess() || parseForm(parser, sequences) || parser.parseKeyword("x") ||
      parseForm(parser, positions) || parser.parseGreater()) {
    return {};
  }
  return SpaceAttr::get(parser.getContext(), sequences, positions);
}
