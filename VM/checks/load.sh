#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Random load on both heaps at once, for long.

. ./lib.sh

load
running=
for node in $(nodes); do
  heap-checks run stress --strict --seconds 600 --heap "$node" &
  running="$running $!"
done
for job in $running; do wait "$job" || status=1; done
unload
exit $status
