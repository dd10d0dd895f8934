#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Another module registers a heap whose memory is from a pool of its own: its node works, its pages stand in
# the table as another's, the shrinker takes them too, and neither module can go before its time.

. ./lib.sh

sample=/modules/sample_heap.ko
debug=/sys/kernel/debug/swift_dma_heaps
before=$(free_memory)
load
insmod $sample || bad "insmod sample_heap"
insmod $sample 2>/dev/null && bad "the sample was loaded twice"

mkfifo /tmp/go
take /dev/dma_heap/sample 1048576 hold <>/tmp/go >/tmp/held &
holder=$!
until grep -q holding /tmp/held; do
  kill -0 $holder 2>/dev/null || { bad "no buffer of the sample's can be held"; break; }
  sleep 0.1
done
rmmod sample_heap 2>/dev/null && bad "the sample was unloaded while its buffer lives"
grep -qx 'in_buffers 256' $debug/accounts || bad "the buffer is not accounted for"
kill -9 $holder
wait $holder 2>/dev/null
for _ in $(seq 50); do
  grep -qx 'pooled 256' $debug/accounts && break
  sleep 0.1
done

cat $debug/pools
grep -q '256 in other pools' $debug/pools || bad "the table does not show the sample's pages"
rmmod swift_dma_heaps 2>/dev/null && bad "the module was unloaded under the sample"
echo '0 0 1' >$debug/shrinkers/pools/scan
grep -qx 'taken 0' $debug/accounts || bad "the shrinker left the sample's pages"
rmmod sample_heap || bad "rmmod sample_heap"
[ -e /dev/dma_heap/sample ] && bad "the sample's node is still there"
unload
memory_is_back "$before"
exit $status
