// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers of the kernel ops, by the constraints' numbers in KernelOps.td.
#include "dialects/Kernel/IR/KernelVerify.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::kernel;

//===----------------------------------------------------------------------===//
// Shared parts
//===----------------------------------------------------------------------===//

LogicalResult kernel::expectRank(Operation *op, Value value, StringRef name, int64_t rank) {
  if (tensorOf(value).getRank() == rank) {
    return success();
  }
  return op->emitOpError("expects '") << name << "' to have rank " << rank << ", but got " << value.getType();
}

LogicalResult kernel::expectOver(Operation *op, Value value, StringRef name, SpaceAttr space,
                                 std::optional<ExpectedSize> width) {
  SmallVector<ExpectedSize> sizes{{constantOf(space.getSequences()), "the sequences of its space"},
                                  {constantOf(space.getPositions()), "the positions of its space"}};
  if (width) {
    sizes.push_back(*width);
  }
  if (failed(expectRank(op, value, name, sizes.size()))) {
    return failure();
  }
  return expectShape(op, value, name, sizes);
}

LogicalResult kernel::expectStaticShape(Operation *op, Value value, StringRef name, ArrayRef<int64_t> shape) {
  if (tensorOf(value).getShape() == shape) {
    return success();
  }
  InFlightDiagnostic error = op->emitOpError("expects '") << name << "' to have shape [";
  llvm::interleaveComma(shape, error);
  return error << "], but got " << value.getType();
}

static LogicalResult expectPacked(Operation *op, Value packed, StringRef name, int64_t columns, int64_t depth) {
  bool narrow = tensorOf(packed).getElementType().isBF16();
  return expectStaticShape(op, packed, name, {ceilDiv(columns, panelWidth), narrow ? narrowDepth(depth) : depth, panelWidth});
}

static LogicalResult expectPackedRows(Operation *op, Value packed, StringRef name, int64_t depth) {
  if (failed(expectRank(op, packed, name, 4))) {
    return failure();
  }
  return expectShape(op, packed, name,
                     {{ShapedType::kDynamic, ""},
                      {ceilDiv(depth, panelWidth), "the panels of its columns"},
                      {packRows, "the rows of a block"},
                      {panelWidth, "the columns of a panel"}});
}

static LogicalResult expectIds(Operation *op, Value ids) {
  if (tensorOf(ids).getElementType().isInteger(32) && tensorOf(ids).getRank() == 2) {
    return success();
  }
  return op->emitOpError("expects 'ids' to be i32 of rank 2, but got ") << ids.getType();
}

static LogicalResult expectWords(Operation *op, Value key, StringRef name, int64_t words) {
  auto type = RankedTensorType::get({words}, IntegerType::get(op->getContext(), 32));
  if (key.getType() == type) {
    return success();
  }
  return op->emitOpError("expects '") << name << "' to be " << type << ", but got " << key.getType();
}

// Arguments are `tensors` in order, then five indices; the terminator yields `yields` values.
static LogicalResult verifyRowProgram(Operation *op, StringRef name, Region &region, TypeRange tensors,
                                      unsigned yields) {
  Block &body = region.front();
  if (body.getNumArguments() != tensors.size() + 5) {
    return op->emitOpError("expects '") << name << "' to have " << tensors.size() + 5 << " arguments, but got "
                                        << body.getNumArguments();
  }
  for (auto [index, type] : llvm::enumerate(tensors)) {
    if (body.getArgument(index).getType() != type) {
      return op->emitOpError("expects argument ") << index << " of '" << name << "' to be " << type << ", but got "
                                                  << body.getArgument(index).getType();
    }
  }
  for (BlockArgument index : body.getArguments().take_back(5)) {
    if (!index.getType().isIndex()) {
      return op->emitOpError("expects the last five arguments of '")
             << name << "' to be indices, but got " << index.getType();
    }
  }
  auto yield = dyn_cast<kernel::YieldOp>(body.getTerminator());
  if (!yield || yield.getValues().size() != yields) {
    return op->emitOpError("expects '") << name << "' to yield " << yields << " values, but got "
                                        << (yield ? yield.getValues().size() : 0);
  }
  return success();
}

static LogicalResult verifySegments(Operation *op, int64_t columns, int64_t segments, int64_t width) {
  if (segments < 1 || width < 1 || segments * width < columns || (segments - 1) * width >= columns) {
    return op->emitOpError("expects 'segments' x 'width' to just cover 'columns' (")
           << columns << "), but got " << segments << " x " << width;
  }
  return success();
}

// Results of a row program: [K, T, C] or [K, T] over the space, or block sums [blocks, C].
template <typename OpT>
static LogicalResult verifyResults(OpT op) {
  int64_t columns = op.getColumns(), count = op->getNumResults();
  for (int64_t number : op.getBlockSums()) {
    if (number < 0 || number >= count) {
      return op.emitOpError("expects 'block_sums' to list results (0 to ") << count - 1 << "), but got " << number;
    }
  }
  for (auto [number, result] : llvm::enumerate(op.getResults())) {
    std::string name = ("result " + Twine(number)).str();
    ExpectedSize width{columns, "'columns'"};
    LogicalResult fits = success();
    if (llvm::is_contained(op.getBlockSums(), static_cast<int64_t>(number))) {
      fits = success(succeeded(expectRank(op, result, name, 2)) && succeeded(expectSize(op, result, name, 1, width)));
    } else if (tensorOf(result).getRank() == 2) {
      fits = expectOver(op, result, name, op.getSpace());
    } else {
      fits = expectOver(op, result, name, op.getSpace(), width);
    }
    if (failed(fits)) {
      return failure();
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Row programs
//===----------------------------------------------------------------------===//

LogicalResult kernel::LoadOp::verify() {
  auto type = cast<RankedTensorType>(getTensor().getType());
  // load_c1
  if (static_cast<int64_t>(getIndices().size()) != type.getRank()) {
    return emitOpError("expects one index per dimension of 'tensor' (")
           << type.getRank() << "), but got " << getIndices().size();
  }
  // load_c2
  Type expected = type.getElementType().isBF16() ? Float32Type::get(getContext()) : type.getElementType();
  if (getType() != expected) {
    return emitOpError("expects the result to have the element type of 'tensor', f32 for bf16 (")
           << expected << "), but got " << getType();
  }
  // load_c3 is its trait. load_c4
  if (getOrZero() && type.getRank() < 2) {
    return emitOpError("expects 'tensor' to have a dimension 1 for 'or_zero', but got ") << type;
  }
  return success();
}

LogicalResult SwapPairsOp::verify() {
  // swap_pairs_c2; swap_pairs_c1 is its trait
  Operation *parent = (*this)->getParentOp();
  bool first = (*this)->getParentRegion() == &parent->getRegion(0);
  int64_t width = llvm::TypeSwitch<Operation *, int64_t>(parent)
                      .Case<RowsOp, PackRowsOp, RememberOp>([](auto rows) { return rows.getWidth(); })
                      .Case([&](GemmOp gemm) { return first ? gemm.getPrologueWidth() : gemm.getWidth(); })
                      .Case<CrossEntropyOp, CrossEntropyGradOp>([](auto loss) { return loss.getPrologueWidth(); });
  if (width % 2 != 0) {
    return emitOpError("expects segments of an even width, but got ") << width;
  }
  return success();
}

LogicalResult KeepOp::verify() {
  if (failed(expectWords(*this, getKey(), "key", dropoutKeyWords))) {
    return failure(); // keep_c2; keep_c1 is its trait
  }
  return expectAtLeast(*this, "columns", getColumns(), 1); // keep_c3
}

LogicalResult RowsOp::verify() {
  if (failed(verifyRowProgram(*this, "body", getBody(), getInputs().getTypes(), getNumResults()))) {
    return failure(); // rows_c1, rows_c2
  }
  if (failed(verifySegments(*this, getColumns(), getSegments(), getWidth()))) {
    return failure(); // rows_c3
  }
  return verifyResults(*this); // rows_c4
}

LogicalResult PackRowsOp::verify() {
  if (failed(verifyRowProgram(*this, "body", getBody(), getInputs().getTypes(), 1))) {
    return failure(); // pack_rows_c1, pack_rows_c2
  }
  if (failed(verifySegments(*this, getColumns(), getSegments(), getWidth()))) {
    return failure(); // pack_rows_c3
  }
  return expectPackedRows(*this, getResult(), "result", getColumns()); // pack_rows_c4
}

LogicalResult GemmOp::verify() {
  if (failed(verifyRowProgram(*this, "prologue", getPrologue(), getInputs().getTypes(), 1))) {
    return failure(); // gemm_c1
  }
  // gemm_c2
  int64_t depth = getDepth(), columns = getColumns();
  SmallVector<Type> types;
  Block &epilogue = getEpilogue().front();
  if (epilogue.getNumArguments() > 0) {
    BlockArgument product = epilogue.getArgument(0);
    types.push_back(product.getType());
    if (!isa<RankedTensorType>(product.getType())) {
      return emitOpError("expects argument 0 of 'epilogue' to be the product, but got ") << product.getType();
    }
    if (failed(expectOver(*this, product, "the product", getSpace(), ExpectedSize{columns, "'columns'"}))) {
      return failure();
    }
  }
  llvm::append_range(types, getEpilogueInputs().getTypes());
  if (failed(verifyRowProgram(*this, "epilogue", getEpilogue(), types, getNumResults()))) {
    return failure();
  }
  // gemm_c3
  if (isStreamed() ? failed(expectStaticShape(*this, getPacked(), "packed", {columns, depth}))
                   : failed(expectPacked(*this, getPacked(), "packed", columns, depth))) {
    return failure();
  }
  Type element = tensorOf(getPacked()).getElementType();
  if (!element.isF32() && !(isStreamed() ? element.isInteger(8) : element.isBF16())) {
    return emitOpError("expects 'packed' to hold ") << (isStreamed() ? "f32 or i8" : "f32 or bf16") << ", but got " << element;
  }
  if (failed(verifySegments(*this, depth, getPrologueSegments(), getPrologueWidth())) ||
      failed(verifySegments(*this, columns, getSegments(), getWidth()))) {
    return failure(); // gemm_c4
  }
  if (failed(verifyResults(*this))) {
    return failure(); // gemm_c5
  }
  // gemm_c6
  if (isStreamed() && !columnsStandAlone()) {
    return emitOpError("expects an epilogue on single columns behind a weight that is not packed, but got one that looks "
                       "across columns or rows");
  }
  return success();
}

bool GemmOp::columnsStandAlone() {
  return getSegments() == 1 && getBlockSums().empty() &&
         llvm::none_of(getEpilogue().getOps(), [](Operation &op) { return isa<RowSumOp, RowMaxOp, SwapPairsOp>(op); });
}

//===----------------------------------------------------------------------===//
// Weights and gradients
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  // weight_c1
  if (getParameters().empty()) {
    return emitOpError("expects at least one parameter, but got none");
  }
  return expectAtLeast(*this, "offset", getOffset(), 0);
}

LogicalResult PackOp::verify() {
  if (failed(expectRank(*this, getWeight(), "weight", 2))) {
    return failure(); // pack_c2
  }
  auto weight = cast<RankedTensorType>(getWeight().getType());
  int64_t n = weight.getDimSize(getTransposed() ? 1 : 0), c = weight.getDimSize(getTransposed() ? 0 : 1);
  return expectPacked(*this, getResult(), "result", n, c); // pack_c1
}

LogicalResult QuantizeOp::verify() {
  if (failed(expectRank(*this, getWeight(), "weight", 2))) {
    return failure(); // quantize_c1
  }
  if (!getWeight().getDefiningOp<WeightOp>()) {
    return emitOpError("expects 'weight' to be made by 'kernel.weight', as copies are made of parameters"); // quantize_c1
  }
  auto expectType = [&](Value value, StringRef name, ArrayRef<int64_t> shape, Type element) -> LogicalResult {
    auto type = RankedTensorType::get(shape, element);
    return value.getType() == type ? success() : emitOpError("expects '") << name << "' to be " << type << ", but got " << value.getType();
  };
  ArrayRef<int64_t> shape = tensorOf(getWeight()).getShape();
  Builder builder(getContext());
  if (failed(expectType(getNumbers(), "numbers", shape, builder.getI8Type()))) {
    return failure(); // quantize_c2
  }
  return expectType(getScales(), "scales", shape[0], builder.getF32Type()); // quantize_c2
}

LogicalResult TransposeOp::verify() {
  if (failed(expectRank(*this, getWeight(), "weight", 2))) {
    return failure(); // transpose_c1
  }
  ArrayRef<int64_t> shape = tensorOf(getWeight()).getShape();
  return expectStaticShape(*this, getResult(), "result", {shape[1], shape[0]}); // transpose_c2
}

LogicalResult WeightGemmOp::verify() {
  if (failed(expectPackedRows(*this, getPacked(), "packed", getDepth()))) {
    return failure(); // weight_gemm_c1
  }
  ExpectedSize width{static_cast<int64_t>(getColumns()), "'columns'"};
  return expectOver(*this, getGrad(), "grad", getSpace(), width); // weight_gemm_c2
}

LogicalResult kernel::ReduceOp::verify() {
  // reduce_c1
  if (failed(expectRank(*this, getInput(), "input", getBlocks() ? 2 : 3))) {
    return failure();
  }
  std::optional<SymbolicDim> rows = getSpace().getSequences().times(getSpace().getPositions());
  RankedTensorType input = tensorOf(getInput());
  if (!getBlocks() && rows && rows->isConstant() && input.hasStaticShape() &&
      input.getDimSize(0) * input.getDimSize(1) != rows->one) {
    return emitOpError("expects 'input' to have the rows of its space (")
           << rows->one << "), but got " << input.getDimSize(0) * input.getDimSize(1);
  }
  // reduce_c2
  SymbolicDim first = getSums().getSequences(), slots = getSums().getPositions();
  SymbolicDim end = first + slots, positions = getBlocks() ? SymbolicDim::constant(1) : getSpace().getPositions();
  if (!end.within(positions)) {
    auto text = [](const SymbolicDim &form) {
      std::string result;
      llvm::raw_string_ostream(result) << form;
      return result;
    };
    return emitOpError("expects 'sums' to end within the positions (")
           << text(positions) << "), but got " << text(slots) << " from " << text(first);
  }
  return expectAtLeast(*this, "stride", getStride(), 1); // reduce_c3
}

LogicalResult kernel::EmbedGradOp::verify() {
  // embed_grad_c1
  int64_t width = tensorOf(getGrad()).getRank() == 0 ? 1 : tensorOf(getGrad()).getShape().back();
  int64_t depth = getDepth();
  if (failed(expectAtLeast(*this, "depth", depth, 1))) {
    return failure();
  }
  if (width % depth != 0) {
    return emitOpError("expects the last dimension of 'grad' to be a multiple of 'depth' (")
           << depth << "), but got " << width << " (remainder " << width % depth << ")";
  }
  if (failed(expectAtLeast(*this, "bag", getBag(), 1))) { // embed_grad_c3
    return failure();
  }
  return expectIds(*this, getIds()); // embed_grad_c2
}

LogicalResult kernel::UpdateOp::verify() {
  if (failed(expectStaticShape(*this, getHyper(), "hyper", {8}))) {
    return failure(); // update_c1
  }
  return success(succeeded(expectRank(*this, getDecay(), "decay", 1)) &&
                 succeeded(expectRank(*this, getNorm(), "norm", 0))); // update_c2
}

//===----------------------------------------------------------------------===//
// Attention, loss, tables, views
//===----------------------------------------------------------------------===//

// Constraints that attention and its gradient share; `name` is that of the [K, T, heads * head_dim] value.
template <typename OpT>
static LogicalResult verifyAttention(OpT op, Value result, StringRef name) {
  int64_t heads = op.getHeads(), width = op.getHeadDim();
  if (failed(expectAtLeast(op, "heads", heads, 1)) || failed(expectAtLeast(op, "head_dim", width, 1))) {
    return failure(); // attention_c2
  }
  // attention_c1
  if (op.getOffsets().size() != 3) {
    return op.emitOpError("expects three offsets, but got ") << op.getOffsets().size();
  }
  std::pair<StringRef, Value> sources[] = {{"query", op.getQuery()}, {"key", op.getKey()}, {"value", op.getValue()}};
  for (auto [source, offset] : llvm::zip(sources, op.getOffsets())) {
    if (failed(expectOver(op, source.second, source.first, op.getSpace(), ExpectedSize{ShapedType::kDynamic, ""}))) {
      return failure();
    }
    int64_t features = tensorOf(source.second).getShape().back();
    if (offset < 0 || offset + heads * width > features) {
      return op.emitOpError("expects heads * head_dim (")
             << heads * width << ") features of '" << source.first << "' at its offset, but got " << features
             << " features and offset " << offset;
    }
  }
  // attention_c3
  if (failed(expectOver(op, result, name, op.getSpace(), ExpectedSize{heads * width, "heads * head_dim"})) ||
      failed(expectOver(op, op.getLse(), "lse", op.getSpace(), ExpectedSize{heads, "'heads'"}))) {
    return failure();
  }
  // attention_c4
  if (Value table = op.getTable()) {
    if (width % 2 != 0) {
      return op.emitOpError("expects 'head_dim' to be even for a rotation, but got ") << width;
    }
    if (failed(expectRank(op, table, "table", 2)) ||
        failed(expectShape(
            op, table, "table",
            {{constantOf(op.getSpace().getPositions()), "the positions of its space"}, {width, "'head_dim'"}}))) {
      return failure();
    }
  }
  // attention_c5
  bool blocks = op.getMask() == MaskKind::BlockCausal;
  if (blocks != op.getBlock().has_value()) {
    return op.emitOpError("expects 'block' for mask 'block_causal' and only there, but got mask '")
           << stringifyMaskKind(op.getMask()) << "' " << (blocks ? "without" : "with") << " it";
  }
  if (blocks && failed(expectAtLeast(op, "block", *op.getBlock(), 1))) {
    return failure();
  }
  // attention_c6
  Value key = op.getDropoutKey(), hidden = op.getHidden();
  if (key && failed(expectWords(op, key, "dropout_key", dropoutKeyWords))) {
    return failure();
  }
  // attention_c7
  if (!hidden) {
    return success();
  }
  if (op.getMask() != MaskKind::Full || !tensorOf(hidden).getElementType().isInteger(32)) {
    return op.emitOpError("expects 'hidden' to be ids, with mask 'full', but got ")
           << hidden.getType() << " with mask '" << stringifyMaskKind(op.getMask()) << "'";
  }
  return expectOver(op, hidden, "hidden", op.getSpace());
}

LogicalResult kernel::AttentionOp::verify() { return verifyAttention(*this, getResult(), "result"); }

LogicalResult kernel::AttentionGradOp::verify() {
  if (failed(verifyAttention(*this, getOutput(), "output"))) {
    return failure(); // attention_grad_c1, c2, c4 to c7
  }
  // attention_grad_c3
  int64_t width = getHeads() * getHeadDim();
  return success(
      succeeded(expectOver(*this, getGrad(), "grad", getSpace(), ExpectedSize{width, "heads * head_dim"})) &&
      succeeded(expectOver(*this, getResult(), "result", getSpace(), ExpectedSize{3 * width, "3 * heads * head_dim"})));
}

// Constraints that the cross entropy and its gradient share.
template <typename OpT>
static LogicalResult verifyLogits(OpT op) {
  int64_t depth = op.getDepth(), columns = op.getColumns();
  // cross_entropy_c1
  if (failed(verifyRowProgram(op, "prologue", op.getPrologue(), op.getInputs().getTypes(), 1)) ||
      failed(verifySegments(op, depth, op.getPrologueSegments(), op.getPrologueWidth()))) {
    return failure();
  }
  // cross_entropy_c2
  if (failed(expectPacked(op, op.getPacked(), "packed", columns, depth)) ||
      (op.getBias() && failed(expectStaticShape(op, op.getBias(), "bias", {columns})))) {
    return failure();
  }
  return expectIds(op, op.getIds()); // cross_entropy_c3
}

LogicalResult kernel::CrossEntropyOp::verify() {
  if (failed(verifyLogits(*this))) {
    return failure();
  }
  // cross_entropy_c4
  return success(succeeded(expectOver(*this, getLoss(), "loss", getSpace())) &&
                 succeeded(expectOver(*this, getLse(), "lse", getSpace())));
}

LogicalResult kernel::CrossEntropyGradOp::verify() {
  if (failed(verifyLogits(*this))) {
    return failure(); // cross_entropy_grad_c1 to c3
  }
  int64_t depth = getDepth(), columns = getColumns();
  if (failed(expectPacked(*this, getPackedTransposed(), "packed_transposed", depth, columns))) {
    return failure(); // cross_entropy_grad_c4
  }
  // cross_entropy_grad_c5
  if (failed(expectOver(*this, getGrad(), "grad", getSpace())) ||
      failed(expectOver(*this, getLse(), "lse", getSpace())) ||
      failed(expectOver(*this, getResult(), "result", getSpace(), ExpectedSize{depth, "'depth'"}))) {
    return failure();
  }
  // cross_entropy_grad_c6
  return success(
      succeeded(expectStaticShape(*this, getWeightSums(), "weight_sums", {lossChunks, 1, columns * depth})) &&
      succeeded(expectStaticShape(*this, getBiasSums(), "bias_sums", {lossChunks, 1, columns})));
}

LogicalResult kernel::MeanLossOp::verify() {
  if (failed(expectOver(*this, getTokenLoss(), "token_loss", getSpace()))) {
    return failure(); // mean_loss_c1
  }
  // mean_loss_c2
  if (failed(expectIds(*this, getIds())) || failed(expectRank(*this, getMask(), "mask", 2))) {
    return failure();
  }
  if (!tensorOf(getMask()).getElementType().isF32()) {
    return emitOpError("expects 'mask' to be f32, but got ") << getMask().getType();
  }
  // mean_loss_c3
  return success(succeeded(expectRank(*this, getLoss(), "loss", 0)) &&
                 succeeded(expectRank(*this, getSum(), "sum", 0)) &&
                 succeeded(expectRank(*this, getCount(), "count", 0)));
}

LogicalResult RopeTableOp::verify() {
  // rope_table_c1
  int64_t width = getWidth();
  if (width < 2 || width % 2 != 0) {
    return emitOpError("expects 'width' to be even and at least 2, but got ") << width;
  }
  // rope_table_c2
  bool split = getPairing() == Pairing::HalfSplit;
  if (failed(expectRank(*this, getResult(), "result", 2)) ||
      failed(expectShape(*this, getResult(), "result",
                         {{constantOf(getSpace().getPositions()), "the positions of its space"},
                          {split ? width : 2 * width, split ? "'width'" : "2 * width"}}))) {
    return failure();
  }
  // rope_table_c3
  if (!getBase().isFinite() || getBase().isNegative() || getBase().isZero()) {
    return emitOpError("expects 'base' to be positive and finite, but got ") << getBase().convertToDouble();
  }
  return success();
}

LogicalResult DropoutKeyOp::verify() {
  if (failed(expectWords(*this, getKey(), "key", 4)) || failed(expectWords(*this, getResult(), "result", dropoutKeyWords))) {
    return failure(); // dropout_key_c1
  }
  return expectDropout(*this, getRate(), getSite()); // dropout_key_c2, dropout_key_c3
}

LogicalResult ViewOp::verify() {
  // view_c1
  RankedTensorType from = tensorOf(getInput()), to = tensorOf(getResult());
  if (from.hasStaticShape() && to.hasStaticShape() && from.getNumElements() != to.getNumElements()) {
    return emitOpError("expects 'result' to have as many elements as 'input' (")
           << from.getNumElements() << "), but got " << to.getNumElements();
  }
  if (to.getRank() == 3) {
    return expectOver(*this, getResult(), "result", getSpace(), ExpectedSize{ShapedType::kDynamic, ""});
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

// Constraints C1 to C4 of a scan, for it and its gradient.
template <typename OpT>
static LogicalResult verifyScan(OpT op) {
  int64_t channels = op.getChannels();
  // scan_c2, scan_grad_c2
  if (failed(expectAtLeast(op, "channels", channels, 1)) || failed(expectRank(op, op.getALog(), "a_log", 2)) ||
      failed(expectSize(op, op.getALog(), "a_log", 0, {channels, "'channels'"})) ||
      failed(expectStatic(op, op.getALog(), "a_log", 1)) ||
      failed(expectAtLeast(op, "states", sizeOf(op.getALog(), 1), 1))) {
    return failure();
  }
  // scan_c1, scan_grad_c1
  int64_t states = sizeOf(op.getALog(), 1);
  std::tuple<StringRef, Value, int64_t> sources[] = {{"input", op.getInput(), channels},
                                                     {"delta", op.getDelta(), channels},
                                                     {"b", op.getB(), states},
                                                     {"c", op.getC(), states},
                                                     {"gate", op.getGate(), channels}};
  size_t count = op.getGate() ? 5 : 4;
  if (op.getOffsets().size() != count) {
    return op.emitOpError("expects ") << count << " offsets, but got " << op.getOffsets().size();
  }
  // scan_c3, scan_grad_c3
  for (auto [offset, source] : llvm::zip_first(op.getOffsets(), sources)) {
    auto [name, value, width] = source;
    if (failed(expectOver(op, value, name, op.getSpace(), ExpectedSize{ShapedType::kDynamic, ""}))) {
      return failure();
    }
    int64_t features = tensorOf(value).getShape().back();
    if (offset < 0 || offset + width > features) {
      return op.emitOpError("expects ") << width << " features of '" << name << "' at its offset, but got " << features
                                        << " features and offset " << offset;
    }
  }
  return expectStaticShape(op, op.getSkip(), "skip", {channels}); // scan_c4, scan_grad_c4
}

LogicalResult kernel::ScanOp::verify() {
  if (failed(verifyScan(*this))) {
    return failure();
  }
  ExpectedSize width{static_cast<int64_t>(getChannels()), "'channels'"};
  return expectOver(*this, getResult(), "result", getSpace(), width); // scan_c5
}

LogicalResult kernel::ScanGradOp::verify() {
  if (failed(verifyScan(*this))) {
    return failure();
  }
  // scan_grad_c8
  if (bool(getGate()) != bool(getGateGrad())) {
    return emitOpError("expects 'gate_grad' where 'gate' is and only there, but got ")
           << (getGate() ? "a gate without it" : "it without a gate");
  }
  // scan_grad_c5
  int64_t channels = getChannels(), states = sizeOf(getALog(), 1);
  ExpectedSize perChannel{channels, "'channels'"}, perState{states, "dim(a_log, 1)"};
  std::tuple<StringRef, Value, ExpectedSize> rows[] = {{"grad", getGrad(), perChannel},
                                                       {"input_grad", getInputGrad(), perChannel},
                                                       {"delta_grad", getDeltaGrad(), perChannel},
                                                       {"b_grad", getBGrad(), perState},
                                                       {"c_grad", getCGrad(), perState},
                                                       {"gate_grad", getGateGrad(), perChannel}};
  for (auto [name, value, width] : rows) {
    if (value && failed(expectOver(*this, value, name, getSpace(), width))) {
      return failure();
    }
  }
  // scan_grad_c6
  if (failed(expectStaticShape(*this, getALogSums(), "a_log_sums", {scanParts, 1, channels * states})) ||
      failed(expectStaticShape(*this, getSkipSums(), "skip_sums", {scanParts, 1, channels}))) {
    return failure();
  }
  // scan_grad_c7
  int64_t parts = ceilDiv(channels, scanChannels(channels));
  return expectOver(*this, getParts(), "parts", getSpace(), ExpectedSize{parts * 2 * states, "P * 2 * dim(a_log, 1)"});
}
//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

LogicalResult kernel::StateOp::verify() {
  // state_c1
  if (getOffset().size() != 4 || llvm::any_of(getOffset(), [](int64_t n) { return n < 0; })) {
    return emitOpError("expects 'offset' to be four coefficients, none of them negative, but got ") << getOffsetAttr();
  }
  return expectOver(*this, getResult(), "result", getSpace(), ExpectedSize{ShapedType::kDynamic, ""}); // state_c2
}

// remember_c4, cached_attention_c2
static LogicalResult expectStateOf(Operation *op, Value value, StringRef name, SpaceAttr space, ExpectedSize width) {
  auto state = value.getDefiningOp<kernel::StateOp>();
  if (!state || state.getSpace().getSequences() != space.getSequences()) {
    return op->emitOpError("expects '") << name << "' to be a kernel.state with the sequences of its space, but got " << value;
  }
  return expectSize(op, value, name, 2, width);
}

// remember_c5, cached_attention_c1
static LogicalResult expectConstantPositions(Operation *op, SpaceAttr space) {
  if (space.getPositions().isConstant()) {
    return success();
  }
  return op->emitOpError("expects the positions of its space to be a constant, but got ") << space;
}

LogicalResult RememberOp::verify() {
  if (failed(verifyRowProgram(*this, "body", getBody(), getInputs().getTypes(), 1))) {
    return failure(); // remember_c1, remember_c2
  }
  if (failed(verifySegments(*this, getColumns(), getSegments(), getWidth()))) {
    return failure(); // remember_c3
  }
  int64_t columns = getColumns();
  if (failed(expectStateOf(*this, getState(), "state", getSpace(), {columns, "'columns'"}))) {
    return failure(); // remember_c4
  }
  return expectConstantPositions(*this, getSpace()); // remember_c5
}

LogicalResult kernel::CachedAttentionOp::verify() {
  int64_t heads = getHeads(), width = getHeadDim();
  if (failed(expectAtLeast(*this, "heads", heads, 1)) || failed(expectAtLeast(*this, "head_dim", width, 1))) {
    return failure(); // cached_attention_c3
  }
  // cached_attention_c1
  ExpectedSize features{heads * width, "heads * head_dim"};
  if (failed(expectConstantPositions(*this, getSpace())) ||
      failed(expectOver(*this, getQuery(), "query", getSpace(), features)) ||
      failed(expectOver(*this, getResult(), "result", getSpace(), features))) {
    return failure();
  }
  // cached_attention_c2
  if (failed(expectStateOf(*this, getKey(), "key", getSpace(), features)) ||
      failed(expectStateOf(*this, getValue(), "value", getSpace(), features))) {
    return failure();
  }
  // cached_attention_c4
  bool blocks = getMask() == MaskKind::BlockCausal;
  if (getMask() == MaskKind::Full || blocks != getBlock().has_value()) {
    return emitOpError("expects mask 'causal', or 'block_causal' with 'block', but got mask '")
           << stringifyMaskKind(getMask()) << (getBlock() ? "' with it" : "' without it");
  }
  return blocks ? expectAtLeast(*this, "block", static_cast<int64_t>(*getBlock()), 1) : success();
}

LogicalResult kernel::ScanStepOp::verify() {
  int64_t channels = tensorOf(getResult()).getShape().back();
  if (failed(expectRank(*this, getALog(), "a_log", 2))) {
    return failure(); // scan_step_c2
  }
  int64_t states = tensorOf(getALog()).getDimSize(0);
  ExpectedSize features{channels, "dim(result, 2)"};
  // scan_step_c1
  if (failed(expectConstantPositions(*this, getSpace())) || failed(expectOver(*this, getResult(), "result", getSpace(), features)) ||
      failed(expectOver(*this, getInput(), "input", getSpace(), features)) ||
      failed(expectOver(*this, getDelta(), "delta", getSpace(), features)) ||
      (getGate() && failed(expectOver(*this, getGate(), "gate", getSpace(), features))) ||
      failed(expectOver(*this, getB(), "b", getSpace(), ExpectedSize{states, "dim(a_log, 0)"})) ||
      failed(expectOver(*this, getC(), "c", getSpace(), ExpectedSize{states, "dim(a_log, 0)"}))) {
    return failure();
  }
  // scan_step_c2
  if (failed(expectStaticShape(*this, getALog(), "a_log", {states, channels})) ||
      failed(expectStaticShape(*this, getSkip(), "skip", {channels}))) {
    return failure();
  }
  // scan_step_c3
  return success(succeeded(expectStateOf(*this, getState(), "state", getSpace(), features)) &&
                 succeeded(expectSize(*this, getState(), "state", 1, {states, "dim(a_log, 0)"})));
}

LogicalResult kernel::SsdStepOp::verify() {
  int64_t heads = getHeads(), groups = getGroups(), width = tensorOf(getResult()).getShape().back();
  int64_t columns = tensorOf(getB()).getShape().back();
  ExpectedSize features{width, "dim(result, 2)"};
  // ssd_step_c1
  if (heads < 1 || groups < 1 || width % heads != 0 || heads % groups != 0 || columns % groups != 0) {
    return emitOpError("expects 'heads' to divide dim(result, 2) (")
           << width << ") and 'groups' to divide 'heads' and dim(b, 2) (" << columns << "), but got " << heads << " and " << groups;
  }
  if (failed(expectConstantPositions(*this, getSpace())) || failed(expectOver(*this, getResult(), "result", getSpace(), features)) ||
      failed(expectOver(*this, getInput(), "input", getSpace(), features)) ||
      failed(expectOver(*this, getDt(), "dt", getSpace(), ExpectedSize{heads, "'heads'"})) ||
      failed(expectOver(*this, getB(), "b", getSpace(), ExpectedSize{columns, "dim(b, 2)"})) ||
      failed(expectOver(*this, getC(), "c", getSpace(), ExpectedSize{columns, "dim(b, 2)"}))) {
    return failure();
  }
  // ssd_step_c2
  if (failed(expectStaticShape(*this, getALog(), "a_log", {heads})) || failed(expectStaticShape(*this, getDtBias(), "dt_bias", {heads}))) {
    return failure();
  }
  if (tensorOf(getSkip()).getShape() != ArrayRef<int64_t>{width} && failed(expectStaticShape(*this, getSkip(), "skip", {heads}))) {
    return failure();
  }
  // ssd_step_c3
  return success(succeeded(expectStateOf(*this, getState(), "state", getSpace(), features)) &&
                 succeeded(expectSize(*this, getState(), "state", 1, {columns / groups, "dim(b, 2) / groups"})));
}
