// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loader against small shared objects built from FakeArtifact.c.
#include "runtime/Artifact.h"

#include "runtime/Level.h"
#include "runtime/Metadata.h"
#include "runtime/Support/Memory.h"
#include "test/runtime/TestFiles.h"

#include <cmath>

namespace mblm::rt {

using test::expectError;
using test::TestFolder;

static const std::string good = FAKE_ARTIFACT;

TEST(Artifact, RunsItsEntries) {
  ASSERT_TRUE(isArtifact(good));
  for (int threads : {1, 3}) {
    std::unique_ptr<Program> program = loadArtifact(good, threads);
    const ModelInfo &info = program->info();
    EXPECT_EQ(info.name, "fake");
    EXPECT_EQ(info.pad, 9);
    EXPECT_EQ(info.parameters.at(0).shape, (std::vector<int64_t>{10}));
    for (int64_t slots : {2, 50, 3}) {
      std::vector<int32_t> ids(2 * slots * 4);
      for (size_t i = 0; i < ids.size(); ++i) {
        ids[i] = int32_t(i % 10);
      }
      std::vector<float> params(16, 0.5f);
      std::vector<float> output(ids.size() * 10);
      Call call;
      call.batch = 2;
      call.slots = slots;
      call.ids = ids.data();
      call.params = params.data();
      call.output = output.data();
      program->run(Entry::Forward, call);
      for (size_t i = 0; i < output.size(); ++i) {
        ASSERT_EQ(output[i], float(i / 10 % 10) * 10 + float(i % 10) + 0.5f);
      }
    }
  }
}

TEST(Artifact, WorkspaceIsTheLinearForm) {
  std::unique_ptr<Program> program = loadArtifact(good, 3);
  // arena 100 + 1*M + 2*B + 4*B*M, scratch 16 a thread
  EXPECT_EQ(program->workspaceBytes(Entry::Forward, 2, 5), 4 * (100 + 5 + 4 + 40 + 3 * 16));
  expectError(Exit::Resource, "more memory than can be counted",
              [&] { program->workspaceBytes(Entry::Forward, int64_t(1) << 40, int64_t(1) << 40); });
}

TEST(Artifact, MemoryLimitIsRefusedWithNumbers) {
  std::unique_ptr<Program> program = loadArtifact(good, 1);
  memoryAccount().setLimit(memoryAccount().used() + 100000);
  Call call;
  call.batch = 1000;
  call.slots = 1000;
  expectError(Exit::Resource,
              "entry 'forward' of fake with batch 1000 and 1000 slots needs 16777216 bytes", // 4003100 floats on whole
                                                                                             // huge pages
              [&] { program->run(Entry::Forward, call); });
  memoryAccount().setLimit(defaultMemoryLimit());
}

TEST(Artifact, PiecesAreAsLargeAsMemoryAllows) {
  EntrySizes sizes;
  sizes.arena.coefficients = {1024, 0, 0, 1024, 1 << 20}; // 4 MiB and more a slot of a piece
  Shape shape{2, 500, 1};
  auto bytes = [&](int64_t piece) { return sizes.chargedBytes({2, 500, piece}, 1, "test"); };
  EXPECT_EQ(largestPiece(sizes, shape, 1, bytes(1000), "test"), 1000);
  EXPECT_EQ(largestPiece(sizes, shape, 1, bytes(1000) - 1, "test"), 512);
  EXPECT_EQ(largestPiece(sizes, shape, 1, bytes(64), "test"), 64);
  EXPECT_EQ(largestPiece(sizes, shape, 1, bytes(64) - 1, "test"), 32);
  EXPECT_EQ(largestPiece(sizes, shape, 1, 0, "test"), 1);
  sizes.arena.coefficients[4] = 0;
  EXPECT_EQ(largestPiece(sizes, shape, 1, 0, "test"), 1000); // nothing is made by pieces
}

TEST(Artifact, LossGetsAMaskAndAScale) {
  std::unique_ptr<Program> program = loadArtifact(good, 1);
  std::vector<float> params(16);
  Call::Scalars scalars;
  float hyper[HyperCount] = {};
  hyper[Lr] = 3;
  Call call;
  call.batch = 1;
  call.slots = 2;
  call.params = params.data();
  call.scalars = &scalars;
  call.hyper = hyper;
  call.scale = 0.25f;
  program->run(Entry::Loss, call); // the fake: sum of the mask, learning rate, scale
  EXPECT_EQ(scalars.loss, 8.0f);
  EXPECT_EQ(scalars.gradNorm, 3.0f);
  EXPECT_EQ(scalars.sum, 0.25f);
  expectError(Exit::Internal, "entry 'gradients' of fake returned 7", [&] { program->run(Entry::Gradients, call); });
  expectError(Exit::BadInput, "has no entry 'hidden'", [&] { program->run(Entry::Hidden, call); });
}

TEST(Artifact, ProfileCountsLaunches) {
  std::unique_ptr<Program> program = loadArtifact(good, 2);
  EXPECT_TRUE(program->profile().empty());
  std::vector<int32_t> ids(400);
  std::vector<float> params(16), output(ids.size() * 10);
  Call call;
  call.batch = 1;
  call.slots = 100;
  call.ids = ids.data();
  call.params = params.data();
  call.output = output.data();
  program->run(Entry::Forward, call); // before: not counted
  program->startProfile();
  for (int i = 0; i < 3; ++i) {
    program->run(Entry::Forward, call);
  }
  std::vector<KernelTime> times = program->profile();
  ASSERT_EQ(times.size(), 1u);
  EXPECT_EQ(times[0].name, "rows");
  EXPECT_EQ(times[0].calls, 3);
  EXPECT_GT(times[0].busySeconds, 0);
  EXPECT_LE(times[0].busySeconds, 2 * times[0].seconds);
  EXPECT_EQ(output[9], 9); // the kernel itself ran
  program->startProfile();
  EXPECT_TRUE(program->profile().empty());
}

TEST(Artifact, SpecText) { EXPECT_EQ(artifactSpecText(good), "{\"format\": 1}"); }

TEST(Artifact, DamagedFiles) {
  TestFolder folder;
  std::string bytes = test::readAll(good);
  for (size_t length : {size_t(5), size_t(64), size_t(300), bytes.size() / 2, bytes.size() - 1}) {
    std::string path = folder.write("cut.so", bytes.substr(0, length));
    EXPECT_TRUE(isArtifact(path));
    expectError(Exit::Integrity, "cut.so' is not a whole artifact", [&] { loadArtifact(path); });
  }
  EXPECT_FALSE(isArtifact(folder.write("spec.json", "{}")));
  EXPECT_FALSE(isArtifact(folder.write("e", "")));
  EXPECT_FALSE(isArtifact(folder / "none"));
  EXPECT_FALSE(isArtifact(folder.path));
  expectError(Exit::FileIO, "cannot open", [&] { loadArtifact(folder / "none"); });
  expectError(Exit::Integrity, "the symbol 'mblm_metadata' is missing", [] { loadArtifact(FAKE_ARTIFACT_EMPTY); });
}

TEST(Artifact, OtherAbiAndOtherMachine) {
  expectError(Exit::Integrity, "made for runtime ABI 99, this runtime has " + std::to_string(MBLM_ABI), [] { loadArtifact(FAKE_ARTIFACT_ABI); });
  expectError(Exit::Device, "unknown target level 'avx9000'", [] { loadArtifact(FAKE_ARTIFACT_LEVEL); });
}

TEST(Artifact, SeveralLevels) {
  struct Environment {
    explicit Environment(const std::string &level) { setenv("MBLM_LEVEL", level.c_str(), 1); }
    ~Environment() { unsetenv("MBLM_LEVEL"); }
  };
  std::string best;
  for (auto [level, arena, loss] : {std::tuple("avx2", 200, 2.0f), std::tuple("portable", 100, 4.0f)}) {
    if (!lackingFor(*findLevel(level)).empty()) {
      continue;
    }
    Environment environment(level);
    std::unique_ptr<Program> program = loadArtifact(FAKE_ARTIFACT_SEVERAL, 1);
    EXPECT_EQ(program->level(), level);
    EXPECT_EQ(program->workspaceBytes(Entry::Loss, 1, 1), 4 * arena);
    Call::Scalars scalars;
    Call call;
    call.batch = call.slots = 1;
    call.scalars = &scalars;
    program->run(Entry::Loss, call);
    EXPECT_EQ(scalars.loss, loss);
    expectError(Exit::BadInput, "has no entry 'forward'", [&] { program->run(Entry::Forward, call); });
    best = best.empty() ? level : best;
  }
  EXPECT_EQ(loadArtifact(FAKE_ARTIFACT_SEVERAL, 1)->level(), best);
  Environment environment("neon");
  expectError(Exit::Usage, "compiled for avx2 and portable, but MBLM_LEVEL is 'neon'; expected avx2 or portable",
              [] { loadArtifact(FAKE_ARTIFACT_SEVERAL); });
}

TEST(Artifact, CopiesOfWeightsStayInside) {
  auto open = [](const std::string &copy) {
    std::string metadata = R"({"abi": )" + std::to_string(MBLM_ABI) +
                           R"(, "name": "fake", "vocab": 10, "pad": 9, "inner": 4, "max_slots": 0, "max_length": 64,
      "start_token": true, "hidden_dim": 1, "stage_lengths": [16, 4], "names": "mblm", "spec": "", "ignorable": [], "parameters": [],
      "parameter_elements": 64, "states": [], "levels": [{"level": "portable", "kernels": [], "entries": {},
      "prepared": {"floats": 32, "quantized": [{)" + copy + "}]}}]}";
    LinkedArtifact artifact;
    artifact.metadata = metadata.c_str();
    return linkedProgram(artifact, 1);
  };
  EXPECT_TRUE(open(R"("offset": 0, "rows": 4, "columns": 16, "numbers": 0, "scales": 28)")->quantizes());
  for (const char *copy : {R"("offset": 1, "rows": 4, "columns": 16, "numbers": 0, "scales": 28)",
                           R"("offset": 0, "rows": 4, "columns": 16, "numbers": 17, "scales": 28)",
                           R"("offset": 0, "rows": 4, "columns": 16, "numbers": 0, "scales": 29)",
                           R"("offset": 0, "rows": 4, "columns": 16, "numbers": -1, "scales": 28)",
                           R"("offset": 0, "rows": 0, "columns": 16, "numbers": 0, "scales": 28)",
                           R"("offset": 0, "rows": 4611686018427387904, "columns": 4, "numbers": 0, "scales": 28)"}) {
    expectError(Exit::Integrity, "lies outside its buffer of 32 floats", [&] { open(copy); });
  }
}

TEST(Artifact, LinkedIn) {
  static const char metadata[] = "{}";
  LinkedArtifact artifact;
  artifact.metadata = metadata;
  expectError(Exit::Integrity, "this program: metadata: ", [&] { linkedProgram(artifact); });
  expectError(Exit::Integrity, "'mblm_metadata' is missing", [] { selfProgram(); });
}

} // namespace mblm::rt
