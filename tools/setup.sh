# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Sourced by tools/quickstart and tools/check: packages, configuration, build.

packages=(cmake ninja-build ccache clang-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  nlohmann-json3-dev libcli11-dev libgtest-dev libzip-dev python3 fortunes)

say() { printf '== %s\n' "$*" >&2; }

install_missing() {
  local missing=() package root=()
  for package in "${packages[@]}"; do
    if [[ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" != "install ok installed" ]]; then
      missing+=("$package")
    fi
  done
  if [[ ${#missing[@]} -eq 0 ]]; then
    return
  fi
  if [[ $EUID -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      say "needs these packages, and neither is this root nor is there sudo: ${missing[*]}"
      exit 5
    fi
    root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# Builds the given targets, or everything.
build() {
  if [[ ! -f build/build.ninja ]]; then
    say "configuring"
    cmake --preset release >&2
  fi
  say "building"
  cmake --build build -j "$(nproc)" ${1:+--target "$@"} >&2
}
