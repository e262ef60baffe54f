// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gradients as IR. @loss, or @train_loss where dropout makes it another function, is cloned, then swept backwards: each op
// that a gradient reaches builds its vector-Jacobian product, and the products of a value with several uses are added up.
// Forward values that are cheap to compute again are, right before their first use in the backward sweep, so that they
// need not outlive the forward pass.
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

// The backward sweep over the ops that stand in a block so far.
class Sweep {
public:
  Sweep(Block &block, bool recompute, bool recomputeHidden)
      : builder(OpBuilder::atBlockEnd(&block)), recompute(recompute) {
    for (Operation &op : block) {
      forward.insert(&op);
      // The widest values of a model stand between a linear map and its activation.
      if (recomputeHidden && isa<LinearOp>(op) &&
          llvm::all_of(op.getUsers(), [](Operation *user) { return isa<ActivationOp>(user); })) {
        hidden.insert(&op);
      }
      for (Value operand : op.getOperands()) {
        ++pendingUses[operand];
      }
    }
  }

  LogicalResult run(Value loss, Value lossGrad) {
    gradients[loss] = lossGrad;
    for (Operation *op : llvm::reverse(forward.getArrayRef())) {
      if (failed(visit(op))) {
        return failure();
      }
    }
    return success();
  }

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
      if (grad && operand.getDefiningOp()) {
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

  // `value` itself, or, where it is cheap, the result of a clone of its op.
  Value recomputed(Value value) {
    Operation *op = value.getDefiningOp();
    auto differentiable = dyn_cast_if_present<DifferentiableOpInterface>(op);
    if (!recompute || !differentiable || !forward.contains(op) || !(differentiable.isCheapToRecompute() || hidden.contains(op))) {
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
  bool recompute;
  llvm::DenseSet<Operation *> hidden; // linear maps to compute again although they are not cheap
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
    if (!loss.getBody().hasOneBlock() || type.getNumInputs() != inputs || type.getNumResults() != 3 ||
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

  // (ids, mask, [key,] scale) -> (loss, sum, count)
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
    if (failed(Sweep(block, recompute, recompute && recomputeHidden).run(results[0], scale))) {
      return {};
    }
    auto body = OpBuilder::atBlockEnd(&block);
    func::ReturnOp::create(body, function.getLoc(), results);
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
      if (isOpTriviallyDead(&op)) {
        op.erase();
      }
    }
    return function;
  }

  // (ids, mask, [key,] scale, hyper, decay) -> (loss, sum, count, norm)
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
