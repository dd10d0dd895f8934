#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# What waits for the worker goes to the kernel when it asks, killed callers stop, and the system can sleep.

. ./lib.sh

load
for node in $(nodes); do
  heap-checks run backlog-reclaim --strict --heap "$node" || status=1
done
node=$(nodes | cut -d ' ' -f 1)
heap-checks run kill-allocating --strict --heap "$node" || status=1
unload

# Much may wait, so that the worker is busy for long.
load deferred_limit=65536
heap-checks run freezer freezer-load --strict --heap "$node" || status=1
unload
exit $status
