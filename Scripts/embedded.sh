#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the core as Embedded Swift for this machine, and for bare machines with the flags of the Linux kernel,
# x86-64 and arm64; runs the probe here, and checks what the bare objects ask of their host.

set -euo pipefail
cd "$(dirname "$0")/.."

source Scripts/embedded-flags.sh

# All that the core may ask of a host besides what it declares itself.
allowed=(
  memcpy memmove memset memcmp  # every host has them
  posix_memalign free           # classes, arrays and the core's own tables
  arc4random_buf                # the seed of the standard library's hashing, always emitted
  __x86_indirect_thunk_r11      # the kernel's indirect branches
)

# Compiles the core and the probe into $1, with the flags that follow.
compile() {
  local directory=$1
  shift
  mkdir -p "$directory"
  for module in "${modules[@]}"; do
    find "Sources/$module" -name '*.swift' | LC_ALL=C sort | xargs \
      swiftc "${settings[@]}" "$@" -I "$directory" -module-name "$module" \
      -emit-module -emit-module-path "$directory/$module.swiftmodule" \
      -c -o "$directory/$module.o"
  done
  swiftc "${settings[@]}" "$@" -I "$directory" -module-name EmbeddedProbe \
    -c -o "$directory/EmbeddedProbe.o" Tests/EmbeddedProbe/*.swift
}

objects() {
  printf "$1/%s.o\n" "${modules[@]}" EmbeddedProbe
}

echo "embedded: the manifest's targets, this machine"
for module in "${modules[@]}"; do
  swift build --quiet --target "$module" --scratch-path .build-embedded \
    -Xswiftc -enable-experimental-feature -Xswiftc Embedded -Xswiftc -wmo
done

echo "embedded: the probe, this machine"
here=.build-embedded/probe
compile "$here"
# shellcheck disable=SC2046 # the objects' names have no spaces
swiftc "${settings[@]}" -o "$here/probe" $(objects "$here")
"$here/probe"

for architecture in "${architectures[@]}"; do
  echo "embedded: the probe, bare $architecture"
  use_architecture "$architecture"
  bare=.build-embedded/$architecture
  compile "$bare" "${kernel[@]}"
  # shellcheck disable=SC2046
  "${binutils}ld" -r -o "$bare/core.o" $(objects "$bare")
  unexpected=$("${binutils}nm" --undefined-only --format=just-symbols "$bare/core.o" \
    | grep -vxF -f <(printf '%s\n' "${allowed[@]}") || true)
  if [[ -n $unexpected ]]; then
    echo "error: the core asks its host for:" $unexpected >&2
    exit 1
  fi
  # x86-64's registers begin with a percent sign; arm64's are q0, v0.4s, and as scalars d0 or s0.
  vectors=$("${binutils}objdump" -d --no-show-raw-insn "$bare/core.o" |
    grep -cE '%[xyz]mm|[[:space:],{][qdsv][0-9]+([.,]|$)' || true)
  if [[ $vectors -ne 0 ]]; then
    echo "error: $vectors instructions of the core use vector registers" >&2
    exit 1
  fi
done
echo "embedded: holds"
