// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Driver/Tuned.h"

#include "compiler/Driver/Cache.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FileSystem.h"

#include <cmath>

using namespace mblm;
using namespace mblm::driver;
using nlohmann::json;

static constexpr const char *formatName = "mblm-tuned-1";

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

std::string ProductKey::text() const {
  return op + " " + std::to_string(columns) + "x" + std::to_string(depth) + " (" + precision + ", " + level + ", " + cpu + ")";
}

std::string Schedule::text() const {
  std::string text;
  for (auto [name, size] : {std::pair("rows", rows), std::pair("columns", columns), std::pair("depth", depth)}) {
    if (size != 0) {
      text += (text.empty() ? "" : ", ") + std::string(name) + " = " + std::to_string(size);
    }
  }
  return text;
}

Schedule driver::scheduleFrom(kernel::CpuScheduleAttr attribute) {
  return {attribute.getRows(), attribute.getColumns(), attribute.getDepth()};
}

std::optional<ProductKey> driver::productKey(mlir::Operation *op, const target::Machine &machine, const std::string &precision) {
  return llvm::TypeSwitch<mlir::Operation *, std::optional<ProductKey>>(op)
      .Case<kernel::GemmOp, kernel::WeightGemmOp, kernel::CrossEntropyOp, kernel::CrossEntropyGradOp>(
          [&](auto product) -> std::optional<ProductKey> {
            SymbolicDim rows = *product.getSpace().getSequences().times(product.getSpace().getPositions());
            if (rows.bm == 0 && rows.bp == 0 && rows.m == 0 && rows.p == 0 && rows.piece == 0) {
              return std::nullopt;
            }
            return ProductKey{machine.tunedFor,
                              machine.level,
                              precision,
                              op->getName().stripDialect().str(),
                              int64_t(product.getColumns()),
                              int64_t(product.getDepth())};
          })
      .Default([](mlir::Operation *) { return std::nullopt; });
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

namespace {
// One object of a file, whose fields are all there and of their kinds.
class Fields {
public:
  Fields(const json &object, const std::string &where) : where(where), object(object) {
    if (!object.is_object()) {
      throw Error(Exit::BadInput, where + ": expected an object, got " + object.type_name());
    }
  }
  std::string text(const char *name) const { return of(name, "a text", &json::is_string).get<std::string>(); }
  int64_t size(const char *name) const {
    const json &number = of(name, "a whole number that is not negative", &json::is_number_unsigned);
    if (number.get<uint64_t>() > uint64_t(1) << 40) {
      throw Error(Exit::BadInput, where + "/" + name + ": expected at most 2^40, got " + number.dump());
    }
    return number.get<int64_t>();
  }
  double seconds(const char *name) const { return of(name, "a number", &json::is_number).get<double>(); }
  Schedule schedule(const char *name) const {
    Fields fields(of(name, "an object", &json::is_object), where + "/" + name);
    return {fields.size("rows"), fields.size("columns"), fields.size("depth")};
  }
  const std::string where;

private:
  const json &of(const char *name, const char *kind, bool (json::*is)() const noexcept) const {
    auto found = object.find(name);
    if (found == object.end() || !((*found).*is)()) {
      throw Error(Exit::BadInput, where + "/" + name + ": expected " + kind + ", got " +
                                      (found == object.end() ? "nothing" : found->dump()));
    }
    return *found;
  }
  const json &object;
};
} // namespace

// As far as one can tell without the op.
static void requireSchedule(const Schedule &schedule, mlir::MLIRContext &context, const std::string &where) {
  std::string cause;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { cause = diagnostic.str(); });
  auto emitError = [&] { return mlir::emitError(mlir::UnknownLoc::get(&context)); };
  if (!kernel::CpuScheduleAttr::getChecked(emitError, &context, schedule.rows, schedule.columns, schedule.depth)) {
    throw Error(Exit::BadInput, where + ": " + cause);
  }
  if (schedule.rows % kernel::blockRows != 0) { // other rows are for kernels that go together, which have no schedules of their own
    throw Error(Exit::BadInput, where + ": expects the CPU schedule's rows to be a multiple of " + std::to_string(kernel::blockRows) +
                                    ", but got " + std::to_string(schedule.rows));
  }
}

TunedProducts TunedProducts::read(const std::string &path) {
  constexpr int64_t limit = 64 << 20;
  json file = rt::parseJson(rt::readTextFile(path, limit), path, Exit::Integrity);
  if (!file.is_object() || file.value("format", json()) != formatName) {
    throw Error(Exit::BadInput, "'" + path + "' holds no tuned schedules: expected \"format\": \"" + formatName + "\", as 'mblm tune' writes it");
  }
  auto list = file.find("products");
  if (list == file.end() || !list->is_array()) {
    throw Error(Exit::BadInput, path + ": /products: expected a list of products");
  }
  mlir::DialectRegistry registry;
  registry.insert<kernel::KernelDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<kernel::KernelDialect>();
  TunedProducts tuned;
  for (size_t n = 0; n < list->size(); ++n) {
    Fields fields((*list)[n], path + ": /products/" + std::to_string(n));
    ProductKey key{fields.text("cpu"), fields.text("level"), fields.text("precision"), fields.text("op"), fields.size("columns"), fields.size("depth")};
    TunedProduct product{fields.schedule("schedule"), fields.schedule("modelled"), fields.seconds("seconds"), fields.seconds("modelled_seconds"),
                         fields.size("rows"),         fields.size("threads"),      fields.text("date")};
    requireSchedule(product.schedule, context, fields.where + "/schedule");
    if (!tuned.products.emplace(key, product).second) {
      throw Error(Exit::BadInput, fields.where + ": expected each product once, got " + key.text() + " again");
    }
  }
  return tuned;
}

static json toJson(const Schedule &schedule) {
  return {{"rows", schedule.rows}, {"columns", schedule.columns}, {"depth", schedule.depth}};
}

void TunedProducts::write(const std::string &path) const {
  json list = json::array();
  for (const auto &[key, product] : products) {
    list.push_back({{"cpu", key.cpu},
                    {"level", key.level},
                    {"precision", key.precision},
                    {"op", key.op},
                    {"columns", key.columns},
                    {"depth", key.depth},
                    {"schedule", toJson(product.schedule)},
                    {"modelled", toJson(product.modelled)},
                    {"seconds", product.seconds},
                    {"modelled_seconds", product.modelledSeconds},
                    {"rows", product.rows},
                    {"threads", product.threads},
                    {"date", product.date}});
  }
  rt::writeTextFile(path, json{{"format", formatName}, {"products", list}}.dump(1) + "\n");
}

size_t TunedProducts::merge(const TunedProducts &other) {
  size_t taken = 0;
  for (const auto &[key, product] : other.products) {
    auto [place, isNew] = products.try_emplace(key, product);
    if (!isNew && place->second.date < product.date) {
      place->second = product;
      isNew = true;
    }
    taken += isNew;
  }
  return taken;
}

//===----------------------------------------------------------------------===//
// Use
//===----------------------------------------------------------------------===//

void TunedProducts::apply(mlir::ModuleOp module, const target::Machine &machine, const std::string &precision) const {
  module.walk([&](mlir::Operation *op) {
    std::optional<ProductKey> key = productKey(op, machine, precision);
    auto found = key && !kernel::cpuScheduleOf(op) ? products.find(*key) : products.end();
    if (found == products.end()) {
      return;
    }
    const Schedule &schedule = found->second.schedule;
    auto attribute = kernel::CpuScheduleAttr::get(op->getContext(), schedule.rows, schedule.columns, schedule.depth);
    if (kernel::takesCpuSchedule(op, attribute)) { // an epilogue of its own may rule it out
      op->setAttr(kernel::cpuScheduleName, attribute);
    }
  });
}

std::string TunedProducts::keyText(const target::Machine &machine, const std::string &precision) const {
  std::string text;
  for (const auto &[key, product] : products) {
    if (key.cpu == machine.tunedFor && key.level == machine.level && key.precision == precision) {
      text += key.text() + ": " + product.schedule.text() + "\n";
    }
  }
  return text;
}

std::string driver::tunedPath(const Options &options) {
  if (options.tuned == "off") {
    return "";
  }
  if (!options.tuned.empty()) {
    return options.tuned;
  }
  std::string folder = options.cache.empty() || options.cache == "off" ? userCacheFolder() : options.cache;
  return folder.empty() ? "" : folder + "/tuned.json";
}

TunedProducts driver::tunedFor(const Options &options) {
  if (options.schedules) {
    return *options.schedules;
  }
  std::string path = tunedPath(options);
  bool usual = options.tuned.empty();
  if (path.empty() || (usual && !llvm::sys::fs::exists(path))) {
    return {};
  }
  return TunedProducts::read(path);
}
