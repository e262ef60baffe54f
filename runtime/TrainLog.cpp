// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lines are flushed as they are written, so that the log can be watched.
#include "runtime/TrainLog.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/File.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

namespace mblm::rt {

using nlohmann::ordered_json;

static std::string earlierLines(const std::string &path, int64_t keepSteps) {
  std::string kept;
  std::error_code error;
  if (keepSteps == 0 || !std::filesystem::is_regular_file(path, error)) {
    return kept;
  }
  std::istringstream lines(readTextFile(path, int64_t(1) << 32));
  for (std::string line; std::getline(lines, line);) {
    auto object = ordered_json::parse(line, nullptr, false); // a killed run may leave half a line
    if (object.is_object() && object.contains("step") && object["step"].is_number_integer() &&
        object["step"].get<int64_t>() <= keepSteps) {
      kept += line + "\n";
    }
  }
  return kept;
}

TrainLog::TrainLog(const std::string &path, int64_t keepSteps) : path(path) {
  writeTextFile(path, earlierLines(path, keepSteps));
  file = std::fopen(path.c_str(), "ae");
  if (!file) {
    throw Error(Exit::FileIO, systemError("write", path));
  }
}

TrainLog::~TrainLog() { std::fclose(file); }

void TrainLog::line(const std::string &text) {
  if (std::fputs((text + "\n").c_str(), file) < 0 || std::fflush(file) != 0) {
    throw Error(Exit::FileIO, systemError("write", path));
  }
}

void TrainLog::step(const StepReport &report) {
  ordered_json object = {{"step", report.step},           {"loss", report.loss},
                         {"bpb", report.bitsPerByte},     {"lr", report.lr},
                         {"grad_norm", report.gradNorm},  {"bytes_per_second", report.bytesPerSecond},
                         {"peak_bytes", report.peakBytes}};
  line(object.dump());
}

void TrainLog::evaluation(int64_t step, double bitsPerByte) {
  line(ordered_json({{"step", step}, {"eval_bpb", bitsPerByte}}).dump());
}

} // namespace mblm::rt
