// Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code for GPUs on its way into an artifact and out of it.
#include "compiler/Target/GpuCode.h"
#include "compiler/Target/Link.h"
#include "runtime/Cuda/Images.h"
#include "runtime/Support/Library.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <unistd.h>

using namespace mblm;

TEST(Images, ThroughAnArtifact) {
  target::GpuCode old, current;
  old.arch = "sm_80";
  old.ptx = ".version 8.0\n";
  current.arch = "sm_90a";
  current.ptx = ".version 8.6\n";
  current.cubin = std::string("\x7f" "ELF\0\1", 6);
  auto path = std::filesystem::temp_directory_path() / ("mblm-images-" + std::to_string(getpid()) + ".so");
  target::linkArtifact({target::imageObject({old, current})}, path);
  rt::Library artifact(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(artifact) << artifact.problem();
  auto find = [&](const std::string &symbol) -> const void * { return artifact.find(symbol.c_str()); };

  std::vector<rt::cuda::Image> images = rt::cuda::imagesFor(find, 9, 0);
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0].symbol, "mblm_image_sm_90a");
  EXPECT_EQ(std::string(static_cast<const char *>(images[0].bytes), 6), current.cubin);
  EXPECT_EQ(*static_cast<const int64_t *>(find("mblm_image_sm_90a_size")), 6);
  EXPECT_STREQ(static_cast<const char *>(images[1].bytes), old.ptx.c_str()); // slower, but sure to be taken
  ASSERT_EQ(rt::cuda::imagesFor(find, 8, 6).size(), 1u); // no machine code for it
  EXPECT_EQ(rt::cuda::imagesFor(find, 7, 5).size(), 0u);
}
