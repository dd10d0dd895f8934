#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Another module's heap goes whenever its owner wants, whoever has its node open.

. ./lib.sh

before=$(free_memory)
load
insmod /modules/sample_heap.ko || bad "insmod sample_heap"
heap-checks hold node --seconds 600 --heap /dev/dma_heap/sample >/tmp/held &
holder=$!
until grep -q holding /tmp/held; do
  kill -0 $holder 2>/dev/null || { bad "the sample's node cannot be held"; break; }
  sleep 0.1
done
rmmod sample_heap || bad "the sample stays while a client has its node"
[ -e /dev/dma_heap/sample ] && bad "the sample's node is still there"
rmmod swift_dma_heaps 2>/dev/null && bad "the module was unloaded under an open node"
insmod /modules/sample_heap.ko || bad "insmod sample_heap, the second time"
heap-checks hold buffer --seconds 1 --heap /dev/dma_heap/sample >/dev/null || bad "no buffer of the new heap"

# Requests that are under way are waited for.
heap-checks hold visits --seconds 600 --heap /dev/dma_heap/sample &
visitor=$!
for _ in $(seq 30); do
  for _ in $(seq 500); do
    rmmod sample_heap 2>/dev/null && break
  done
  [ -e /dev/dma_heap/sample ] && bad "the sample was not unloaded in 500 attempts"
  insmod /modules/sample_heap.ko || bad "insmod sample_heap under visits"
done
kill -9 $visitor $holder
wait
rmmod sample_heap || bad "rmmod sample_heap"

check_by_module heap_removal
unload
memory_is_back "$before"
exit $status
