#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Reclaim takes what is pooled. For a guest of 256 MiB, whose pools may have half of it.

. ./lib.sh

pages=$(awk '$1 == "MemTotal:" { print int($2 / 8) }' /proc/meminfo)
load "page_pool_size=$pages"
for node in $(nodes); do
  heap-checks run load-pressure --strict --heap "$node" || status=1
  # And all works as before.
  heap-checks run zero-recycled pool-reuse --strict --heap "$node" || status=1
done
unload
exit $status
