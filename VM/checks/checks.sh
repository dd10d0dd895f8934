#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# All checks that any guest can make, on both heaps; then the module goes, and so does its memory.
# Without a module: on the kernel's own heap, which shows what is wrong with the checks.

. ./lib.sh

if [ ! -e $module ]; then
  heap-checks run all stress || status=1
  check32 /dev/dma_heap/system
  exit $status
fi

# What the kernel allocates once and keeps.
load
heap-checks run life-message --strict --heap "$(nodes | cut -d ' ' -f 1)" || status=1
unload

# As many as there are CPUs, and some even where there is one.
threads=$(nproc)
if [ "$threads" -lt 4 ]; then threads=4; fi
before=$(free_memory)
load
for node in $(nodes); do
  heap-checks run all stress --strict --threads "$threads" --heap "$node" || status=1
  check32 "$node"
done
for file in pools accounts heaps; do
  echo "--- $file"
  cat /sys/kernel/debug/swift_dma_heaps/$file
done
unload
memory_is_back "$before"
exit $status
