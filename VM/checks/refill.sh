#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# The worker keeps blocks ready (P9): from the start, without anybody's asking, and again some time after a
# shrinker took them.

. ./lib.sh

debug=/sys/kernel/debug/swift_dma_heaps
before=$(free_memory)

# Blocks of 1 MiB, 64 KiB and 4 KiB.
pages=$((4 * 256 + 8 * 16 + 64))

# Waits until the pools have that many pages.
pooled() {
  for _ in $(seq 100); do
    grep -qx "pooled $1" $debug/accounts && return
    sleep 0.1
  done
  bad "$2: $(grep '^pooled' $debug/accounts), not $1"
}

insmod $module refill_low=2 refill_high=1 2>/dev/null && bad "a high mark below the low one was taken"
load refill_low=2,4,32 refill_high=4,8,64
pooled $pages "after loading"
cat $debug/pools

set -- $(nodes)
for check in zero-recycled pool-reuse; do
  heap-checks run $check --strict --heap "$1" || status=1
done
misses() {
  awk '$1 == "system" { print $6 }' $debug/heaps
}

# Taken by hand, and back after a pause of a second; what is taken next is not missed.
echo 3 >/proc/sys/vm/drop_caches
grep -qx 'pooled 0' $debug/accounts || bad "pages are pooled right after a shrinker: $(cat $debug/accounts)"
pooled $pages "after a shrinker"
missed=$(misses)
heap-checks hold buffer --seconds 1 --heap "$1" >/dev/null
[ "$(misses)" = "$missed" ] || bad "a buffer of 1 MiB missed the pool"
unload
memory_is_back "$before"
exit $status
