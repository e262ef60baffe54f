// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The module: parameters, then one function per entry point.
#include "compiler/Frontend/Frontend.h"

#include "compiler/Frontend/Builders.h"
#include "compiler/Frontend/ModelInfo.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mblm;
using namespace mblm::frontend;

static bool hasDropout(const spec::Layer &layer) { return layer.attnDropout > 0 || layer.ffDropout > 0; }

bool mblm::isEntropyModel(const spec::Spec &spec) { return spec.names == spec::Names::Blt && !spec.patches; }

bool mblm::canRunByPieces(const spec::Spec &spec) {
  return spec.stages.size() > 1 && !spec.patches && !spec.isMasked() && !spec.anyLayer(hasDropout, /*first=*/1);
}

namespace {

class ModuleBuilder {
public:
  ModuleBuilder(const spec::Spec &spec, MLIRContext &context, bool pieces)
      : spec(spec), parameters(spec), builder(&context), pieces(pieces && canRunByPieces(spec)) {}

  OwningOpRef<ModuleOp> run() {
    OwningOpRef<ModuleOp> module(ModuleOp::create(place("")));
    (*module)->setAttr("mblm.name", builder.getStringAttr(spec.name));
    (*module)->setAttr("mblm.inner", builder.getI64IntegerAttr(spec.bytesPerSlot(0)));
    builder.setInsertionPointToEnd(module->getBody());
    declareParameters();

    Type ids = tensor({dynamic, dynamic}, builder.getI32Type()),
         mask = tensor({dynamic, dynamic}, builder.getF32Type());
    Type scalar = tensor({}, builder.getF32Type());
    if (spec.isWhole()) {
      (*module)->setAttr(wholeAttrName, builder.getUnitAttr());
    }
    if (spec.patches) {
      addPatched(ids, mask, scalar);
      return module;
    }
    if (spec.isMasked()) {
      addMasked(ids, mask, scalar);
      return module;
    }
    if (pieces) {
      addInner(ids);
    }
    if (isEntropyModel(spec)) {
      addFunction("entropies", {ids}, mask, [](Graph &graph, ValueRange arguments) -> SmallVector<Value> {
        Value logits = buildLogits(graph, buildRows(graph, buildHierarchy(graph, arguments[0])));
        auto type = cast<RankedTensorType>(logits.getType()).clone({dynamic, dynamic});
        return {EntropyOp::create(graph.builder, graph.at("entropy"), type, logits)};
      });
    }
    addFunction("forward", {ids}, sequences(spec.vocab), [](Graph &graph, ValueRange arguments) -> SmallVector<Value> {
      return {buildLogits(graph, buildRows(graph, buildHierarchy(graph, arguments[0])))};
    });
    addFunction("hidden", {ids}, sequences(spec.stages.back().dim),
                [](Graph &graph, ValueRange arguments) -> SmallVector<Value> {
                  return {buildRows(graph, buildHierarchy(graph, arguments[0]))};
                });
    auto loss = [](Graph &graph, ValueRange arguments) -> SmallVector<Value> {
      graph.dropoutKey = arguments.size() > 2 ? arguments[2] : Value();
      LossValues values = buildLoss(graph, buildHierarchy(graph, arguments[0]), arguments[0], arguments[1]);
      return {values.loss, values.sum, values.count};
    };
    addFunction("loss", {ids, mask}, {scalar, scalar, scalar}, loss);
    if (spec.anyLayer(hasDropout)) {
      addFunction("train_loss", {ids, mask, tensor({4}, builder.getI32Type())}, {scalar, scalar, scalar}, loss);
    }
    if (spec.startToken) {
      addFunction("empty", {}, tensor({1, 1, spec.vocab}, builder.getF32Type()),
                  [](Graph &graph, ValueRange) -> SmallVector<Value> {
                    return {buildLogits(graph, buildEmptyHierarchy(graph))};
                  });
    }
    return module;
  }

private:
  static constexpr int64_t dynamic = ShapedType::kDynamic;
  static constexpr const char *innerName = "inner";

  Location place(const std::string &name) {
    return NameLoc::get(builder.getStringAttr("/" + name), placeOf(spec, "", builder.getContext()));
  }
  Type tensor(ArrayRef<int64_t> shape, Type element) { return RankedTensorType::get(shape, element); }
  Type sequences(int64_t width) { return tensor({dynamic, dynamic, width}, builder.getF32Type()); }

  void declareParameters() {
    ParameterLayout layout = layoutParameters(parameters.list());
    for (auto [parameter, offset] : llvm::zip_equal(parameters.list(), layout.offsets)) {
      ParameterOp::create(builder, place(parameter.name), builder.getStringAttr(parameter.name),
                          TypeAttr::get(tensor(parameter.shape, builder.getF32Type())),
                          builder.getI64IntegerAttr(offset));
    }
  }

  // The stages behind the first, on any number of outermost slots.
  void addInner(Type ids) {
    const spec::Stage &first = spec.stages[1], &local = spec.stages.back();
    Type context = tensor({dynamic, first.length, first.dim}, builder.getF32Type());
    Type states = tensor({dynamic, local.length + 1, local.dim}, builder.getF32Type());
    func::FuncOp inner =
        addFunction(innerName, {context, ids}, states, [](Graph &graph, ValueRange arguments) -> SmallVector<Value> {
          graph.inner.clear();
          return {buildInnerStages(graph, arguments[0], arguments[1])};
        });
    inner.setPrivate();
    inner.setArgAttr(0, perSlotAttrName, builder.getI64IntegerAttr(1));
    inner.setResultAttr(0, perSlotAttrName, builder.getI64IntegerAttr(spec.bytesPerSlot(0) / local.length));
  }

  // Entries that take the lengths of patches.
  void addPatched(Type ids, Type mask, Type scalar) {
    auto withLengths = [&](StringRef name, SmallVector<Type> arguments, TypeRange results,
                           llvm::function_ref<SmallVector<Value>(Graph &, ValueRange)> buildBody) {
      func::FuncOp function = addFunction(name, arguments, results, buildBody);
      function.setArgAttr(arguments.size() > 2 ? 2 : 1, perPatchAttrName, builder.getUnitAttr());
      return function;
    };
    withLengths("forward", {ids, ids}, sequences(spec.vocab), [](Graph &graph, ValueRange arguments) -> SmallVector<Value> {
      return {buildLogits(graph, buildPatched(graph, arguments[0], arguments[1]))};
    });
    withLengths("hidden", {ids, ids}, sequences(spec.stages.back().dim), [](Graph &graph, ValueRange arguments) -> SmallVector<Value> {
      return {buildPatched(graph, arguments[0], arguments[1])};
    });
    auto loss = withLengths("loss", {ids, mask, ids, ids}, {scalar, scalar, scalar},
                            [](Graph &graph, ValueRange arguments) -> SmallVector<Value> {
                              Value states = buildPatched(graph, arguments[0], arguments[2]);
                              LossValues values = buildLoss(graph, states, arguments[0], arguments[1], arguments[3]);
                              return {values.loss, values.sum, values.count};
                            });
    loss.setArgAttr(3, targetsAttrName, builder.getUnitAttr());
  }

  // Entries that take what attention may see, and what was masked.
  void addMasked(Type ids, Type mask, Type scalar) {
    auto rows = [](Graph &graph, ValueRange arguments) {
      graph.visible = arguments.back();
      return buildRows(graph, buildHierarchy(graph, arguments[0]));
    };
    auto withVisible = [&](StringRef name, int64_t width, llvm::function_ref<Value(Graph &, Value)> build) {
      auto function = addFunction(name, {ids, ids}, sequences(width), [&](Graph &graph, ValueRange arguments) -> SmallVector<Value> {
        return {build(graph, rows(graph, arguments))};
      });
      function.setArgAttr(1, visibleAttrName, builder.getUnitAttr());
    };
    withVisible("forward", spec.vocab, [](Graph &graph, Value states) { return buildLogits(graph, states); });
    withVisible("hidden", spec.stages.back().dim, [](Graph &, Value states) { return states; });
    // (ids, mask, [key,] targets, visible)
    auto addLoss = [&](StringRef name, SmallVector<Type> arguments) {
      arguments.append({ids, ids});
      auto loss = addFunction(name, arguments, {scalar, scalar, scalar}, [&](Graph &graph, ValueRange values) -> SmallVector<Value> {
        graph.dropoutKey = values.size() > 4 ? values[2] : Value();
        LossValues loss = buildLoss(graph, rows(graph, values), values[0], values[1], values.drop_back().back());
        return {loss.loss, loss.sum, loss.count};
      });
      unsigned last = loss.getNumArguments() - 1;
      loss.setArgAttr(last - 1, targetsAttrName, builder.getUnitAttr());
      loss.setArgAttr(last, visibleAttrName, builder.getUnitAttr());
    };
    addLoss("loss", {ids, mask});
    if (spec.anyLayer(hasDropout)) {
      addLoss("train_loss", {ids, mask, tensor({4}, builder.getI32Type())});
    }
  }

  func::FuncOp addFunction(StringRef name, TypeRange arguments, TypeRange results,
                           llvm::function_ref<SmallVector<Value>(Graph &, ValueRange)> buildBody) {
    auto function = func::FuncOp::create(builder, place(name.str()), name, builder.getFunctionType(arguments, results));
    Block *body = function.addEntryBlock();
    Graph graph(spec, parameters, OpBuilder::atBlockEnd(body));
    graph.inner = pieces ? innerName : "";
    SmallVector<Value> values = buildBody(graph, body->getArguments());
    func::ReturnOp::create(graph.builder, function.getLoc(), values);
    return function;
  }

  const spec::Spec &spec;
  ParameterTable parameters;
  OpBuilder builder;
  bool pieces;
};

} // namespace

OwningOpRef<ModuleOp> mblm::buildModule(const spec::Spec &spec, MLIRContext &context, bool pieces) {
  context.loadDialect<MBLMDialect, func::FuncDialect>();
  return ModuleBuilder(spec, context, pieces).run();
}
