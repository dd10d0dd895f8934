#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# The trace events, and names in a trace that say whose they are.

. ./lib.sh

traces=/sys/kernel/tracing
events=$traces/events/swift_dma_heaps
if ! mount -t tracefs tracing $traces 2>/dev/null; then
  echo "skipped: the kernel has no tracing"
  exit 0
fi

# Fails unless what was traced has a line with $1.
traced() {
  grep -qE -e "$1" /tmp/trace || bad "not traced: $1"
}

load
insmod /modules/sample_heap.ko || bad "insmod sample_heap"
for event in pool_hit pool_miss pool_refill buffer_defer block_zero pools_shrink; do
  [ -e $events/$event ] || bad "no event $event"
done
echo 1 >$events/enable
set -- $(nodes)
heap-checks run zero-one-byte --strict --heap "$1" || status=1
heap-checks run zero-one-byte --strict --heap "$2" || status=1
for _ in 1 2; do
  heap-checks hold buffer --seconds 1 --heap /dev/dma_heap/sample >/dev/null
  sleep 0.5
done
echo '0 0 100' >/sys/kernel/debug/swift_dma_heaps/shrinkers/pools/scan
cat $traces/trace >/tmp/trace
echo 0 >$events/enable
traced 'block_zero: heap=system pages=[1-9]'
traced 'block_zero: heap=system-contig pages=[1-9]'
traced 'pool_miss: heap=other pages=256'
traced 'pool_hit: heap=other pages=256'
traced 'buffer_defer: heap=other pages=256'
traced 'pools_shrink: shrinker=pools asked=100 freed=[1-9]'
rmmod sample_heap

for name in open ioctl attach map_device begin_cpu_access map_process map_kernel release; do
  grep -q " swift_heap_$name.*swift_dma_heaps" /proc/kallsyms || bad "no function swift_heap_$name"
done
unload
exit $status
