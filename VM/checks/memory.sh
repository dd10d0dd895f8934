#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# How the module asks the kernel for memory, and how the kernel asks it back, as the kernel's own tracepoints tell.

. ./lib.sh

traces=/sys/kernel/tracing
if ! mount -t tracefs tracing $traces 2>/dev/null; then
  echo "skipped: the kernel has no tracing"
  exit 0
fi

# Records the events $1 that pass the filter $2 while the rest of the line runs; what was said is in /tmp/trace.
record() {
  event=$traces/events/$1
  echo "$2" >"$event/filter"
  echo >$traces/trace
  shift 2
  echo 1 >"$event/enable"
  "$@" >/dev/null
  echo 0 >"$event/enable"
  grep -v '^#' $traces/trace >/tmp/trace
}

# Fails unless all that was recorded, and something was, has $1 and none has $2.
all_have() {
  [ -s /tmp/trace ] || bad "$3: nothing was recorded"
  grep -vE -e "$1" /tmp/trace >/tmp/wrong && bad "$3: without $1: $(head -n 3 /tmp/wrong)"
  grep -E -e "$2" /tmp/trace >/tmp/wrong && bad "$3: with $2: $(head -n 3 /tmp/wrong)"
}

load
set -- $(nodes)
# Blocks of 1 MiB are taken if they are free: nobody is woken, nobody waits, no reserves are touched.
record kmem/mm_page_alloc 'order == 8' heap-checks hold buffer --seconds 1 --heap "$1"
all_have '__GFP_NOMEMALLOC' 'KSWAPD_RECLAIM|DIRECT_RECLAIM|__GFP_RECLAIM|GFP_HIGHUSER|GFP_USER|GFP_KERNEL' \
  "blocks of 1 MiB"
unload

# Without larger ones, single pages are tried for hard, and so is room for their list, but not at the cost of a process.
load orders=0
record kmem/mm_page_alloc 'order == 0 && comm == "heap-checks"' \
  heap-checks hold buffer --seconds 1 --heap "$1"
grep -qE 'GFP_HIGHUSER\|.*__GFP_RETRY_MAYFAIL.*__GFP_NOMEMALLOC' /tmp/trace \
  || bad "single pages: $(grep GFP_HIGHUSER /tmp/trace | head -n 3)"
grep -qE 'GFP_KERNEL\|.*__GFP_RETRY_MAYFAIL.*__GFP_NOMEMALLOC' /tmp/trace \
  || bad "tables: $(grep 'GFP_KERNEL' /tmp/trace | head -n 3)"
unload

# A run of 1.25 MiB is a block whose end goes back at once, and is not zeroed for that.
if [ -e /sys/kernel/mm/transparent_hugepage ]; then echo never >/sys/kernel/mm/transparent_hugepage/enabled; fi
load
record kmem/mm_page_alloc 'order == 9' heap-checks run pool-shrinker --strict --heap "$2"
all_have '__GFP_RETRY_MAYFAIL.*__GFP_NOMEMALLOC' '__GFP_ZERO' "contiguous runs"
unload

# The pools are asked for twice of what other caches are, and 1 MiB at a time.
load
heap-checks run pool-reuse --strict --heap "$1" || status=1
drop() { echo 2 >/proc/sys/vm/drop_caches; }
record vmscan/mm_shrink_slab_start 'cache_items > 0' drop
grep swift_dma_heaps /tmp/trace >/tmp/asked
head -n 1 /tmp/asked
sed -nE 's/.*cache items ([0-9]+) delta ([0-9]+) .*/\1 \2/p' /tmp/asked \
  | awk '$2 != 4 * $1 { wrong++ } END { exit NR == 0 || wrong }' \
  || bad "the pools are not asked for four times what there is: $(cat /tmp/asked)"
unload
exit $status
