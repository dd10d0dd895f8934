#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Others run while the module works, whatever the size of blocks. For a guest with one CPU whose kernel is not
# preempted (preempt=none).

. ./lib.sh

for orders in 8,4,0 4,0 0; do
  load orders=$orders deferred_limit=32768
  node=$(nodes | cut -d ' ' -f 1)
  echo "--- orders $orders"
  heap-checks run turns-zeroing turns-allocating turns-shrinking --strict --heap "$node" || status=1
  unload
done
exit $status
