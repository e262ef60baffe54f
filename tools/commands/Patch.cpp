// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `patch`: where texts, or rows of ids, are cut into patches, and how hard their bytes are to predict.
#include "runtime/Support/File.h"
#include "runtime/Tokenizer.h"
#include "tools/commands/EntropyModel.h"
#include "tools/commands/ModelCommands.h"
#include "tools/commands/PatchPicture.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <unistd.h>

namespace mblm::cli {

namespace {

constexpr int64_t textLimit = int64_t(1) << 30, pictureBytes = 400;

using Mode = rt::PatchRule::Mode;
// As they stand in specs.
const std::vector<std::pair<std::string, Mode>> modes = {
    {"static", Mode::Static}, {"byte", Mode::Byte}, {"space", Mode::Space}, {"entropy", Mode::Entropy}, {"bpe", Mode::Bpe}};

struct PatchCommand {
  std::string weights, data, input, output, svg, mode;
  std::optional<double> threshold, thresholdAdd;
  std::optional<int64_t> maxLength, size;
  int64_t chunk = 0;
  bool monotonic = false, next = false, flat = false;
  EntropyOptions entropy;
};

// Rows of ids, all of one length.
struct PatchInput {
  int64_t batch = 1, length = 0;
  std::vector<int32_t> ids;
};

PatchInput readInput(const PatchCommand &command) {
  PatchInput input;
  if (!command.data.empty()) {
    input.ids = rt::encodeText(rt::readTextFile(command.data, textLimit), /*begin=*/true, /*end=*/false);
    input.length = int64_t(input.ids.size());
    return input;
  }
  rt::SafetensorsFile file(command.input);
  const rt::TensorInfo &tensor = file.get("ids");
  if (tensor.shape.size() != 2 || tensor.elements == 0) {
    throw Error(Exit::BadInput, "'" + command.input + "': tensor 'ids' has shape " + rt::shapeText(tensor.shape) +
                                    ", expected [batch, length] with at least one id");
  }
  input.batch = tensor.shape[0];
  input.length = tensor.shape[1];
  input.ids = file.integers("ids");
  return input;
}

bool overridesRule(const PatchCommand &command) {
  return !command.mode.empty() || command.size || command.threshold || command.thresholdAdd || command.monotonic || command.maxLength;
}

// What the command line says takes the place of the model's own rule.
rt::PatchRule ruleOf(const PatchCommand &command, const rt::ModelInfo &info) {
  rt::PatchRule rule = info.patchRule;
  rule.firstAlone = info.patched; // models need a first patch of one byte, texts do not
  if (!info.patched) {
    rule.mode = Mode::Entropy;
  }
  for (const auto &[name, mode] : modes) {
    rule.mode = name == command.mode ? mode : rule.mode;
  }
  rule.size = command.size.value_or(rule.size);
  rule.threshold = float(command.threshold.value_or(rule.threshold));
  if (command.thresholdAdd) {
    rule.thresholdAdd = float(*command.thresholdAdd);
  }
  rule.monotonic = rule.monotonic || command.monotonic;
  rule.maxLength = command.maxLength.value_or(rule.maxLength);
  return rule;
}

// Entropies of rows, a few at a time; rows longer than `chunk` ids in pieces that know nothing of each other, as all rows one behind
// the other with `flat` (what the reference does).
std::vector<float> entropiesOf(rt::Model &model, const PatchInput &input, int64_t chunk, bool flat) {
  constexpr int64_t idsAtOnce = 1 << 15;
  int64_t rows = flat ? 1 : input.batch, length = flat ? input.batch * input.length : input.length;
  chunk = flat ? chunk : std::min(chunk, length);
  std::vector<float> entropies(input.ids.size());
  int64_t perRow = (length + chunk - 1) / chunk, together = std::max<int64_t>(1, idsAtOnce / chunk);
  for (int64_t first = 0; first < rows * perRow; first += together) {
    int64_t count = std::min(together, rows * perRow - first);
    std::vector<int32_t> pieces(size_t(count * chunk), rt::paddingId); // on the right: nothing before sees it
    auto placeOf = [&](int64_t piece) {
      int64_t begin = (first + piece) % perRow * chunk;
      return std::pair{(first + piece) / perRow * length + begin, std::min(chunk, length - begin)};
    };
    for (int64_t piece = 0; piece < count; ++piece) {
      auto [at, size] = placeOf(piece);
      std::copy_n(input.ids.begin() + at, size, pieces.begin() + piece * chunk);
    }
    rt::Rows got = model.entropies({count, chunk, pieces.data()});
    for (int64_t piece = 0; piece < count; ++piece) {
      auto [at, size] = placeOf(piece);
      std::copy_n(got.data + piece * chunk, size, entropies.begin() + at);
    }
  }
  return entropies;
}

// A threshold that tells nothing apart is told so.
void warnOfBorders(const rt::PatchRule &rule, int64_t ids, int64_t patches) {
  if (rule.mode != Mode::Entropy || ids < 16) {
    return;
  }
  std::string threshold = std::to_string(rule.threshold);
  if (patches <= 2 && rule.maxLength == 0) {
    note("warning: threshold " + threshold + " begins no patch in " + grouped(ids) + " ids; expected a lower one");
  } else if (patches >= ids - 1) {
    note("warning: threshold " + threshold + " begins a patch at every id; expected a higher one");
  }
}

void report(const PatchCommand &command, const Common &common, const rt::PatchRule &rule, const PatchInput &input,
            const std::vector<float> &entropies, const rt::PatchLengths &lengths) {
  int64_t patches = 0;
  nlohmann::json rows = nlohmann::json::array();
  std::vector<int32_t> first;
  for (int64_t b = 0; b < lengths.batch; ++b) {
    const int32_t *row = lengths.lengths.data() + b * lengths.patches;
    int64_t count = std::count_if(row, row + lengths.patches, [](int32_t n) { return n > 0; });
    patches += count;
    nlohmann::json listed = {{"patch_lengths", std::vector<int32_t>(row, row + count)}};
    if (!entropies.empty()) {
      listed["entropies"] = std::vector<float>(entropies.begin() + b * input.length, entropies.begin() + (b + 1) * input.length);
    }
    rows.push_back(listed);
    if (b == 0) {
      first.assign(row, row + count);
    }
  }
  int64_t ids = input.batch * input.length;
  warnOfBorders(rule, ids, patches);
  PatchedText text{{input.ids.begin(), input.ids.begin() + input.length}, {}, first, {}};
  if (!entropies.empty()) {
    text.entropies.assign(entropies.begin(), entropies.begin() + input.length);
    text.threshold = rule.monotonic ? std::nullopt : std::optional(rule.threshold);
  }
  if (!command.svg.empty()) {
    rt::writeTextFile(command.svg, patchesAsSvg(text, pictureBytes));
  }
  double mean = double(ids) / double(patches);
  if (common.json) {
    nlohmann::json all = {{"ids", ids}, {"patches", patches}, {"mean_patch", mean}, {"rows", rows}};
    std::printf("%s\n", all.dump().c_str());
  } else if (command.output.empty()) {
    std::string shown = patchesAsText(text, onTerminal() && isatty(STDOUT_FILENO));
    std::fwrite(shown.data(), 1, shown.size(), stdout);
  }
  char line[120];
  std::snprintf(line, sizeof line, "%s ids in %s patches, %.2f on average", grouped(ids).c_str(), grouped(patches).c_str(), mean);
  note(line);
}

void patch(rt::Model &model, const PatchCommand &command, const Common &common) {
  rt::PatchRule rule = ruleOf(command, model.info());
  PatchInput input = readInput(command);
  model.checkIds({input.batch, input.length, input.ids.data()});
  bool needsEntropies = rule.mode == Mode::Entropy;
  rt::Model *teller = model.info().patched ? (needsEntropies ? &model.entropyModel() : nullptr) : &model;
  std::vector<float> entropies;
  if (teller && (needsEntropies || !command.weights.empty())) {
    if (!model.info().patched) {
      if (command.weights.empty()) {
        throw Error(Exit::Usage, "patch: expected the entropy model's weights (--weights)");
      }
      for (const std::string &text : model.loadWeights(command.weights).warnings) {
        note(text);
      }
    }
    int64_t chunk = command.chunk > 0 ? command.chunk : std::max<int64_t>(teller->info().maxLength, 1);
    entropies = entropiesOf(*teller, input, chunk, command.flat);
  }
  const float *known = entropies.empty() ? nullptr : entropies.data();
  rt::PatchLengths lengths;
  if (model.info().patched && !overridesRule(command)) {
    lengths = model.patchesOf({input.batch, input.length, input.ids.data()}, known);
    lengths = command.next ? std::move(lengths) : rt::withoutNext(std::move(lengths));
  } else {
    lengths = rt::patchRows(rule, input.ids.data(), known, input.batch, input.length, command.next);
  }
  if (!command.output.empty()) {
    std::vector<rt::TensorView> tensors{{"patch_lengths", {lengths.batch, lengths.patches}, lengths.lengths.data(), rt::DType::I32}};
    if (!entropies.empty()) {
      tensors.push_back({"entropies", {input.batch, input.length}, entropies.data(), rt::DType::F32});
    }
    rt::writeSafetensors(command.output, tensors);
  }
  report(command, common, rule, input, entropies, lengths);
}

} // namespace

void addPatch(CommandLine &line, ModelSource &source) {
  auto patched = std::make_shared<PatchCommand>();
  CLI::App &command = line.add(
      "patch", "Shows where bytes are cut into patches, and how hard they are to predict",
      "models/blt-entropy.json --weights entropy.safetensors --data book.txt --svg book.svg", [&line, &source, patched] {
        if (patched->data.empty() == patched->input.empty()) {
          throw Error(Exit::Usage, "patch: expected either --data or --input");
        }
        rt::Model model(source.open(line.common, Needs::Batches));
        if (model.info().firstByte == 0) {
          throw Error(Exit::BadInput, "patch: model '" + model.info().name + "' has patches of fixed lengths; expected BLT's entropy model, or a "
                                      "spec with \"patches\"");
        }
        patched->entropy.attachTo(model, source, line.common, Needs::Batches);
        patch(model, *patched, line.common);
      });
  source.addOptions(command);
  command.add_option("--weights", patched->weights, "Of the entropy model, where SPEC is one (safetensors)");
  patched->entropy.addTo(command);
  command.add_option("--data", patched->data, "A text: its bytes, behind the mark that begins it");
  command.add_option("--input", patched->input, "Safetensors with 'ids' [batch, length]");
  command.add_option("--output", patched->output, "Safetensors to write: 'patch_lengths', 'entropies'");
  command.add_option("--svg", patched->svg, "Picture to write, of the first 400 bytes");
  command.add_option("--mode", patched->mode, "static, byte, space, entropy or bpe (default: the spec's; entropy for an entropy model)")
      ->check(CLI::IsMember(modes));
  command.add_option("--threshold", patched->threshold, "Entropy (nats) above which a patch begins; its step with --monotonic");
  command.add_option("--threshold-add", patched->thresholdAdd, "And least step from the entropy before");
  command.add_flag("--monotonic", patched->monotonic, "A patch begins where the entropy rises by more than the threshold");
  command.add_option("--max-patch-length", patched->maxLength, "Longer patches are cut")->check(CLI::PositiveNumber);
  command.add_option("--patch-size", patched->size, "Of static patches")->check(CLI::PositiveNumber);
  command.add_flag("--next", patched->next, "The next, unknown byte counts, too: lengths as models take them");
  command.add_option("--chunk", patched->chunk, "Ids that the entropy model reads at a time (default: its length)")->check(CLI::PositiveNumber);
  command.add_flag("--flat", patched->flat, "Rows of --input one behind the other as one text, as the reference reads batches");
}

} // namespace mblm::cli
