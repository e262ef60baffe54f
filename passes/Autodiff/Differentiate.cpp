// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gradients as IR. @loss, or @train_loss where dropout makes it another function, is cloned, then swept backwards: each op
// that a gradient reaches builds its vector-Jacobian product, and the products of a value with several uses are added up.
// Forward values that are cheap to compute again are, right before their first use in the backward sweep, so that they
// need not outlive the forward pass; so are, where memory is short, whole layers.
#include "passes/Locations.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

namespace mblm {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "passes/Passes.h.inc"
} // namespace mblm

using namespace mlir;
using namespace mblm;

namespace {

// Which forward values are computed again rather than kept.
struct Recomputation {
  bool cheap = false;
  bool hidden = false;          // linear maps before activations: the widest values of a model
  SmallVector<int64_t> stages;  // all inside their layers

  bool again(Operation *op) const {
    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    bool widens = hidden && isa<LinearOp>(op) &&
                  llvm::all_of(op->getUsers(), [](Operation *user) { return isa<ActivationOp>(user); });
    return differentiable && ((cheap && differentiable.isCheapToRecompute()) || widens);
  }
};

// The backward sweep over the ops that stand in a block so far.
class Sweep {
public:
  Sweep(Block &block, const Recomputation &recomputation) : builder(OpBuilder::atBlockEnd(&block)) {
    SmallVector<Operation *> layer; // since the last layer's end
    for (Operation &op : block) {
      forward.insert(&op);
      if (recomputation.again(&op)) {
        again.insert(&op);
      }
      if (!isa<LoadOp>(op)) {
        layer.push_back(&op);
      }
      if (auto end = op.getAttrOfType<IntegerAttr>(layerEndAttrName)) {
        if (llvm::is_contained(recomputation.stages, end.getInt())) {
          layer.pop_back();
          again.insert_range(layer);
        }
        layer.clear();
      }
      for (Value operand : op.getOperands()) {
        ++pendingUses[operand];
      }
    }
  }

  // From the gradients of some values to those of all that they depend on.
  LogicalResult run(ValueRange values, ValueRange grads) {
    for (auto [value, grad] : llvm::zip_equal(values, grads)) {
      gradients[value] = grad;
    }
    for (Operation *op : llvm::reverse(forward.getArrayRef())) {
      if (failed(visit(op))) {
        return failure();
      }
    }
    return success();
  }

  Value gradient(Value value) const { return gradients.lookup(value); }

private:
  LogicalResult visit(Operation *op) {
    SmallVector<Value> resultGrads;
    for (Value result : op->getResults()) {
      resultGrads.push_back(gradients.lookup(result));
    }
    bool reached = llvm::any_of(resultGrads, [](Value grad) { return bool(grad); });
    if (reached && !isa<LoadOp>(op) && failed(differentiate(op, resultGrads))) {
      return failure();
    }
    for (Value operand : op->getOperands()) {
      if (--pendingUses[operand] == 0) {
        finish(operand);
      }
    }
    return success();
  }

  LogicalResult differentiate(Operation *op, ValueRange resultGrads) {
    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    if (!differentiable) {
      return op->emitOpError("stands between the parameters and the loss, but has no gradient; "
                             "expected an op with DifferentiableOpInterface");
    }
    SmallVector<Value> operandGrads;
    Operation *before = builder.getBlock()->empty() ? nullptr : &builder.getBlock()->back();
    if (failed(differentiable.buildVjp(builder, resultGrads, operandGrads))) {
      return failure();
    }
    for (Operation *made = before ? before->getNextNode() : &builder.getBlock()->front(); made;
         made = made->getNextNode()) {
      made->setLoc(derivedLoc(op->getLoc(), "/grad"));
      useRecomputed(made);
    }
    for (auto [operand, grad] : llvm::zip_equal(op->getOperands(), operandGrads)) {
      if (grad) {
        accumulate(operand, grad);
      }
    }
    return success();
  }

  void accumulate(Value value, Value grad) {
    Value &sum = gradients[value];
    sum = sum ? AddOp::create(builder, derivedLoc(value.getLoc(), "/grad"), sum, grad).getResult() : grad;
  }

  // All uses of `value` have been visited: a parameter's gradient is complete.
  void finish(Value value) {
    auto load = value.getDefiningOp<LoadOp>();
    if (Value grad = load ? gradients.lookup(value) : Value()) {
      GradientOp::create(builder, derivedLoc(load.getLoc(), "/grad"), load.getParametersAttr(), grad);
    }
  }

  void useRecomputed(Operation *op) {
    for (OpOperand &operand : op->getOpOperands()) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(op);
      operand.set(recomputed(operand.get()));
    }
  }

  // `value` itself, or the result of a clone of its op.
  Value recomputed(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !again.contains(op)) {
      return value;
    }
    if (Value known = clones.lookupOrNull(value)) {
      return known;
    }
    for (Value operand : op->getOperands()) {
      clones.map(operand, recomputed(operand));
    }
    Operation *clone = builder.clone(*op, clones);
    clone->setLoc(derivedLoc(op->getLoc(), "/recompute"));
    // Tells it from the forward op, with which common subexpression elimination would join it again.
    clone->setAttr("mblm.recompute", builder.getUnitAttr());
    return clones.lookup(value);
  }

  OpBuilder builder;
  llvm::DenseSet<Operation *> again; // forward ops to compute again
  llvm::SetVector<Operation *> forward;
  llvm::DenseMap<Value, unsigned> pendingUses; // by forward ops that are not visited yet
  llvm::DenseMap<Value, Value> gradients;
  IRMapping clones; // forward values to what stands for them in the backward sweep
};

class DifferentiatePass : public mblm::impl::DifferentiatePassBase<DifferentiatePass> {
public:
  using DifferentiatePassBase::DifferentiatePassBase;

  void runOnOperation() override {
    auto loss = getOperation().lookupSymbol<func::FuncOp>("loss");
    auto trained = getOperation().lookupSymbol<func::FuncOp>("train_loss");
    if (failed(check(loss, "@loss", 2)) || (trained && failed(check(trained, "@train_loss", 3)))) {
      return signalPassFailure();
    }
    OpBuilder builder(loss->getContext());
    for (auto pieces : loss.getOps<PiecesOp>()) {
      if (failed(buildPieceGradients(builder, pieces.getFunction()))) {
        return signalPassFailure();
      }
    }
    builder.setInsertionPointAfter(loss);
    func::FuncOp gradients = buildGradients(builder, trained ? trained : loss);
    if (!gradients) {
      return signalPassFailure();
    }
    if (trained) {
      trained.erase(); // nobody calls it
    }
    builder.setInsertionPointAfter(gradients);
    buildTrainStep(builder, gradients);
  }

private:
  LogicalResult check(func::FuncOp loss, StringRef name, unsigned inputs) {
    if (!loss) {
      return getOperation().emitError("expected a function ") << name << " to differentiate, but the module has none";
    }
    FunctionType type = loss.getFunctionType();
    auto isScalar = [](Type type) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      return tensor && tensor.getRank() == 0 && tensor.getElementType().isF32();
    };
    unsigned beside = llvm::count_if(loss.getArguments(), [&](BlockArgument argument) {
      return llvm::any_of(ArrayRef<StringRef>{perPatchAttrName, targetsAttrName, visibleAttrName},
                          [&](StringRef name) { return bool(loss.getArgAttr(argument.getArgNumber(), name)); });
    });
    if (!loss.getBody().hasOneBlock() || type.getNumInputs() != inputs + beside || type.getNumResults() != 3 ||
        !llvm::all_of(type.getResults(), isScalar)) {
      return loss.emitError("expected ")
             << name << " to be one block of type (ids, mask" << (inputs == 3 ? ", key" : "")
             << ") -> (loss, sum, count) with scalar results, but its type is " << type;
    }
    for (StringRef name : {"gradients", "train_step"}) {
      if (Operation *made = getOperation().lookupSymbol(name)) {
        return made->emitError("expected a module that is not differentiated yet, but it has a function @") << name;
      }
    }
    return success();
  }

  Recomputation recomputation() const {
    Recomputation chosen{recompute, recompute && recomputeHidden, {}};
    if (recompute) {
      llvm::append_range(chosen.stages, recomputeStages);
    }
    return chosen;
  }

  // @f(inputs) -> results becomes @f_grad(inputs, results' gradients) -> gradients of all inputs but ids.
  LogicalResult buildPieceGradients(OpBuilder &builder, func::FuncOp piece) {
    std::string name = (piece.getName() + "_grad").str();
    if (getOperation().lookupSymbol(name)) { // of an earlier op that runs the same function
      return success();
    }
    func::FuncOp function = piece.clone();
    function.setName(name);
    function->setLoc(derivedLoc(piece.getLoc(), "/grad"));
    builder.setInsertionPointAfter(piece);
    builder.insert(function);
    Block &block = function.getBody().front();
    Operation *terminator = block.getTerminator();
    SmallVector<Value> results(terminator->getOperands()), resultGrads;
    terminator->erase();
    for (auto [number, result] : llvm::enumerate(results)) {
      resultGrads.push_back(addArgument(function, result.getType()));
      function.setArgAttr(function.getNumArguments() - 1, perSlotAttrName, piece.getResultAttr(number, perSlotAttrName));
    }
    Sweep sweep(block, recomputation());
    if (failed(sweep.run(results, resultGrads))) {
      return failure();
    }
    SmallVector<Value> inputGrads;
    SmallVector<Attribute> attributes;
    for (BlockArgument input : block.getArguments().take_front(piece.getNumArguments())) {
      Value grad = sweep.gradient(input);
      if (!grad && !cast<RankedTensorType>(input.getType()).getElementType().isInteger(32)) {
        return piece.emitError("expected every input but ids to have a gradient, but nothing depends on input ")
               << input.getArgNumber();
      }
      if (grad) {
        inputGrads.push_back(grad);
        attributes.push_back(piece.getArgAttrDict(input.getArgNumber()));
      }
    }
    auto body = OpBuilder::atBlockEnd(&block);
    func::ReturnOp::create(body, function.getLoc(), inputGrads);
    function.setFunctionType(body.getFunctionType(function.getArgumentTypes(), ValueRange(inputGrads).getTypes()));
    function.setResAttrsAttr(body.getArrayAttr(attributes));
    eraseDead(block);
    return success();
  }

  static void eraseDead(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
      if (isOpTriviallyDead(&op)) {
        op.erase();
      }
    }
  }

  // (ids, mask, [key,] [lengths, targets, visible,] scale) -> (loss, sum, count)
  func::FuncOp buildGradients(OpBuilder &builder, func::FuncOp loss) {
    func::FuncOp function = loss.clone();
    function.setName("gradients");
    function->setLoc(derivedLoc(loss.getLoc(), "/grad"));
    builder.insert(function);
    Block &block = function.getBody().front();
    Value scale = addArgument(function, loss.getResultTypes()[0]);

    Operation *terminator = block.getTerminator();
    SmallVector<Value> results(terminator->getOperands());
    terminator->erase();
    if (failed(Sweep(block, recomputation()).run(results[0], scale))) {
      return {};
    }
    auto body = OpBuilder::atBlockEnd(&block);
    func::ReturnOp::create(body, function.getLoc(), results);
    eraseDead(block);
    return function;
  }

  // (ids, mask, [key,] [lengths, targets, visible,] scale, hyper, decay) -> (loss, sum, count, norm)
  void buildTrainStep(OpBuilder &builder, func::FuncOp gradients) {
    func::FuncOp function = gradients.clone();
    function.setName("train_step");
    builder.insert(function);
    auto parameters = getOperation().getOps<ParameterOp>();
    auto vector = [&](int64_t n) { return RankedTensorType::get({n}, builder.getF32Type()); };
    Value hyper = addArgument(function, vector(8));
    Value decay = addArgument(function, vector(std::distance(parameters.begin(), parameters.end())));
    Operation *terminator = function.getBody().front().getTerminator();
    OpBuilder body(terminator);
    Location loc = NameLoc::get(body.getStringAttr("/update"), body.getUnknownLoc());
    Value norm = UpdateOp::create(body, loc, hyper, decay);
    terminator->insertOperands(terminator->getNumOperands(), norm);
    FunctionType type = function.getFunctionType();
    SmallVector<Type> results(terminator->getOperandTypes());
    function.setFunctionType(body.getFunctionType(type.getInputs(), results));
  }

  Value addArgument(func::FuncOp function, Type type) {
    unsigned number = function.getNumArguments();
    (void)function.insertArgument(number, type, /*argAttrs=*/{}, function.getLoc());
    return function.getArgument(number);
  }
};

} // namespace
