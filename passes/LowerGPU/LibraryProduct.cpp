// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/LowerGPU/LibraryProduct.h"

#include "passes/LowerGPU/Kernels.h"
#include "passes/Memory/Placement.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mblm;
using namespace mblm::cuda;

// When a library pays. A product that nothing is fused into costs a kernel of ours and one of the library the same bytes, so what
// remains is how near each comes to the peak. The library has tiles of up to 128 x 256 for it, chosen by shape, and clusters that
// share what they fetch; that shows where there are several such tiles for each of some 130 multiprocessors and a depth of many
// steps. Below, a few microseconds on such a device, kernels of ours are as good, and their numbers do not depend on a library's
// version. Rows of whole 16-byte pieces are what its fast kernels ask for. The figures are estimates.
constexpr int64_t leastExtent = 256, leastWork = int64_t(1) << 31, pieceBytes = 16;

static bool pays(int64_t extent, int64_t otherExtent, Type element, Type resultElement) {
  int64_t size = std::min(element.getIntOrFloatBitWidth(), resultElement.getIntOrFloatBitWidth()) / 8;
  return llvm::all_of(ArrayRef{extent, otherExtent}, [&](int64_t n) { return n >= leastExtent && n * size % pieceBytes == 0; });
}

static Type elementOf(Value tensor) { return cast<RankedTensorType>(tensor.getType()).getElementType(); }

//===----------------------------------------------------------------------===//
// Epilogues
//===----------------------------------------------------------------------===//

namespace {
struct Epilogue {
  std::optional<unsigned> addend, bias; // among the epilogue's tensors, p included
  bool gelu = false;
};
} // namespace

static bool isNumber(Value value, double number) {
  FloatAttr constant;
  return matchPattern(value, m_Constant(&constant)) && constant.getValue().convertToFloat() == static_cast<float>(number);
}

template <typename OpT> static std::optional<std::pair<Value, Value>> factors(Value value) {
  auto op = value.getDefiningOp<OpT>();
  return op ? std::optional<std::pair<Value, Value>>({op.getLhs(), op.getRhs()}) : std::nullopt;
}

// The other operand of a commutative op that has `number` as one.
template <typename OpT> static Value besides(Value value, double number) {
  auto both = factors<OpT>(value);
  if (!both) {
    return {};
  }
  return isNumber(both->second, number) ? both->first : isNumber(both->first, number) ? both->second : Value();
}

// x where `value` is x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * (x*x)*x))), as conversion writes it.
static Value insideOfGelu(Value value) {
  auto both = factors<arith::MulFOp>(value);
  Value x = both ? besides<arith::MulFOp>(both->first, 0.5) : Value();
  Value curve = x ? besides<arith::AddFOp>(both->second, 1) : Value();
  auto tanh = curve ? curve.getDefiningOp<math::TanhOp>() : math::TanhOp();
  Value inner = tanh ? besides<arith::MulFOp>(tanh.getOperand(), std::sqrt(2 / M_PI)) : Value();
  auto sum = inner ? factors<arith::AddFOp>(inner) : std::nullopt;
  Value cube = sum && sum->first == x ? besides<arith::MulFOp>(sum->second, 0.044715) : Value();
  auto square = cube ? factors<arith::MulFOp>(cube) : std::nullopt;
  bool cubed = square && square->second == x && factors<arith::MulFOp>(square->first) == std::pair{x, x};
  return cubed ? x : Value();
}

// A sum of the product, at most one tensor of its shape and at most one vector with a number for each column.
static std::optional<Epilogue> standardEpilogue(kernel::GemmOp op) {
  Block &body = op.getEpilogue().front();
  auto yield = cast<kernel::YieldOp>(body.getTerminator());
  if (yield.getValues().size() != 1 || cast<RankedTensorType>(op.getResult(0).getType()).getRank() != 3) {
    return std::nullopt;
  }
  Epilogue epilogue;
  SmallVector<Value> terms{yield.getValues()[0]};
  if (Value inside = insideOfGelu(terms[0])) {
    epilogue.gelu = true;
    terms[0] = inside;
  }
  kernel::RowIndices at = kernel::rowIndices(body);
  SmallVector<Value> here{at.sequence, at.position, at.column}, ofColumn{at.column};
  SymbolicShape shape = kernel::shapeOf(op.getResult(0));
  bool product = false;
  for (size_t n = 0; n < terms.size(); ++n) {
    if (auto both = factors<arith::AddFOp>(terms[n])) {
      terms.append({both->first, both->second});
      continue;
    }
    auto load = terms[n].getDefiningOp<kernel::LoadOp>();
    if (!load || load.getOrZero()) {
      return std::nullopt;
    }
    unsigned number = cast<BlockArgument>(load.getTensor()).getArgNumber();
    SmallVector<Value> indices(load.getIndices());
    auto tensor = [&] { return op.getEpilogueInputs()[number - 1]; };
    if (number == 0 && !product && indices == here) {
      product = true;
    } else if (number > 0 && !epilogue.bias && indices == ofColumn) {
      epilogue.bias = number;
    } else if (number > 0 && !epilogue.addend && indices == here && kernel::shapeOf(tensor()) == shape) {
      epilogue.addend = number;
    } else {
      return std::nullopt;
    }
  }
  return product ? std::optional(epilogue) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static std::optional<LibraryProduct> productOf(kernel::GemmOp op, Precision precision) {
  std::optional<Epilogue> epilogue = standardEpilogue(op);
  if (!epilogue || !op.getBlockSums().empty()) {
    return std::nullopt;
  }
  unsigned inputs = op.getInputs().size();
  LibraryProduct product;
  product.right = inputs;
  product.result = op->getNumOperands();
  auto pointer = [&](std::optional<unsigned> number) { return number ? std::optional(inputs + *number) : std::nullopt; };
  product.addend = pointer(epilogue->addend);
  product.bias = pointer(epilogue->bias);
  product.gelu = epilogue->gelu;
  product.rounded = precision == Precision::TF32 && !op.isStreamed(); // as the kernels
  product.rows = rowsOf(op.getSpace());
  product.columns = SymbolicDim::constant(op.getColumns());
  product.depth = SymbolicDim::constant(op.getDepth());
  product.resultElement = elementOf(op.getResult(0));
  if (readsPlainRows(prologueOf(op), op.getInputs(), op.getSpace())) {
    product.element = elementOf(op.getInputs()[0]);
  } else if (op.isStreamed()) {
    return std::nullopt; // its rows lie in shared memory
  } else {
    product.left = product.result + 1; // a kernel of its own puts them there
    product.element = storageOf(precision, op.getContext());
    product.firstLaunch = 1;
  }
  Weight weight(op.getPacked());
  product.rightDepthInside = !weight.transposed;
  auto isOfResult = [&](std::optional<unsigned> number) {
    return !number || elementOf(op->getOperand(*number)) == product.resultElement;
  };
  bool oneType = weight.element == product.element && isOfResult(product.addend) && isOfResult(product.bias);
  return oneType ? std::optional(product) : std::nullopt;
}

static std::optional<LibraryProduct> productOf(kernel::WeightGemmOp op, Precision precision) {
  LibraryProduct product;
  product.right = 1;
  product.result = 2;
  product.addend = 2;
  product.rows = SymbolicDim::constant(op.getColumns());
  product.columns = SymbolicDim::constant(op.getDepth());
  product.depth = rowsOf(op.getSpace());
  product.leftDepthInside = product.rightDepthInside = false;
  product.rounded = precision == Precision::TF32;
  product.element = elementOf(op.getGrad());
  product.resultElement = Float32Type::get(op.getContext());
  return product.element == elementOf(op.getPacked()) ? std::optional(product) : std::nullopt;
}

std::optional<LibraryProduct> cuda::libraryProduct(Operation *op, Library which, Precision precision) {
  if (which == Library::Never) {
    return std::nullopt;
  }
  auto product = llvm::TypeSwitch<Operation *, std::optional<LibraryProduct>>(op)
                     .Case([&](kernel::GemmOp op) { return productOf(op, precision); })
                     .Case([&](kernel::WeightGemmOp op) { return productOf(op, precision); })
                     .Default([](Operation *) { return std::nullopt; });
  if (product && which == Library::WhereItPays) {
    const SymbolicDim &extent = product->rows.isConstant() ? product->rows : product->depth;
    if (!pays(extent.one, product->columns.one, product->element, product->resultElement)) {
      return std::nullopt;
    }
    product->least = leastWork;
  }
  return product;
}

DictionaryAttr LibraryProduct::describe(MLIRContext *context, size_t launches) const {
  Builder builder(context);
  NamedAttrList described;
  auto number = [&](StringRef name, int64_t value) { described.set(name, builder.getI64IntegerAttr(value)); };
  auto word = [&](StringRef name, StringRef value) { described.set(name, builder.getStringAttr(value)); };
  number("left", left);
  number("right", right);
  number("result", result);
  if (addend) {
    number("addend", *addend);
  }
  if (bias) {
    number("bias", *bias);
  }
  described.set("rows", formAttribute(context, rows));
  described.set("columns", formAttribute(context, columns));
  described.set("depth", formAttribute(context, depth));
  word("left_depth", leftDepthInside ? "inside" : "outside");
  word("right_depth", rightDepthInside ? "inside" : "outside");
  word("element", element.isF32() ? "f32" : "bf16");
  word("result_element", resultElement.isF32() ? "f32" : "bf16");
  word("activation", gelu ? "gelu_tanh" : "none");
  word("compute", rounded ? "tf32" : "f32");
  number("launches", launches);
  number("least", least);
  return described.getDictionary(context);
}
