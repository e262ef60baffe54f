// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `check`: what a spec says, in numbers.
#include "compiler/Driver/Costs.h"
#include "compiler/Frontend/ModelInfo.h"
#include "tools/mblm/Model.h"

#include <nlohmann/json.hpp>

namespace mblm::cli {

static const char *positionName(spec::Position position) {
  switch (position) {
  case spec::Position::None:
    return "none";
  case spec::Position::Learned:
    return "learned";
  case spec::Position::Rope:
    return "rope";
  }
  return "";
}

static void checkModel(const driver::NamedModel &model, const driver::Options &options, double meanPatch, bool json) {
  const spec::Spec &spec = model.spec;
  rt::ModelInfo info = makeModelInfo(spec);
  int64_t count = 0;
  for (const rt::Parameter &parameter : info.parameters) {
    count += parameter.elements();
  }
  // Where the data decides the patches, every slot is a byte.
  int64_t slots = spec.stages[spec.patches ? spec.local() : 0].length;
  int64_t patches = spec.patches ? int64_t(double(slots) / meanPatch) + 1 : 0;
  double bytes = double(slots * info.inner);
  driver::OwnedModule owned = driver::modelModule(spec, options);
  driver::Cost cost = driver::costOf(*owned.module, "gradients", 1, slots, patches);
  driver::Cost forward = driver::costOf(*owned.module, "forward", 1, slots, patches);

  if (json) {
    nlohmann::json stages = nlohmann::json::array();
    for (const spec::Stage &stage : spec.stages) {
      stages.push_back({{"dim", stage.dim},
                        {"length", stage.length},
                        {"layers", stage.layers.size()},
                        {"position", positionName(stage.position)}});
    }
    nlohmann::json report = {{"name", spec.name},
                             {"vocab", spec.vocab},
                             {"stages", stages},
                             {"parameters", count},
                             {"context", info.maxLength},
                             {"longest", info.maxSlots * info.inner},
                             {"flops_per_byte", cost.flops / bytes},
                             {"bytes_per_byte", cost.bytes / bytes},
                             {"forward_flops_per_byte", forward.flops / bytes}};
    if (spec.patches) {
      report["mean_patch"] = meanPatch;
    }
    std::printf("%s\n", report.dump().c_str());
    return;
  }
  std::printf("%s: %zu stage%s, vocabulary %lld, %s parameters, context %s bytes\n", spec.name.c_str(),
              spec.stages.size(), spec.stages.size() == 1 ? "" : "s", (long long)spec.vocab, grouped(count).c_str(),
              grouped(info.maxLength).c_str());
  for (size_t i = 0; i < spec.stages.size(); ++i) {
    const spec::Stage &stage = spec.stages[i];
    std::string unit = grouped(spec.bytesPerSlot(i)) + (spec.bytesPerSlot(i) == 1 ? " byte" : " bytes");
    if (spec.patches && i == 0) {
      unit = "one patch";
    }
    std::printf("  stage %zu: %lld positions of %s, %zu layer%s of %lld features, positions %s\n", i, (long long)stage.length, unit.c_str(),
                stage.layers.size(), stage.layers.size() == 1 ? "" : "s", (long long)stage.dim, positionName(stage.position));
  }
  if (spec.patches) {
    std::printf("  with patches of %.2f bytes on average (--mean-patch)\n", meanPatch);
  }
  std::printf("  per trained byte: %.3g flops (forward %.3g), %.3g bytes moved before fusion\n", cost.flops / bytes,
              forward.flops / bytes, cost.bytes / bytes);
}

void addCheck(CommandLine &line, SpecArgument &source) {
  auto meanPatch = std::make_shared<double>(driver::usualPatch);
  CLI::App &command = line.add(
      "check", "Says whether a spec is right, and what model it describes", "models/quickstart.json",
      [&line, &source, meanPatch] { checkModel(source.model(), source.options(line.common), *meanPatch, line.common.json); });
  source.addOptions(command);
  command.add_option("--mean-patch", *meanPatch, "Bytes of a patch on average, where the data decides (default 4.5)")
      ->check(CLI::Range(1.0, 1e9));
}

} // namespace mblm::cli
