#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# What the command says of the kernel's heaps on a board (board.dts): one of each kind is in the list.

. ./lib.sh

load
qemu-x86_64 /bin/dmaheap heaps >/tmp/heaps || bad "dmaheap heaps: status $?"
cat /tmp/heaps
qemu-x86_64 /bin/dmaheap heaps --json >/tmp/heaps.json || bad "dmaheap heaps --json: status $?"
cat /tmp/heaps.json
for name in system system-contig camera-chunks camera@50000000; do
  awk -v name="$name" '$1 == name && / kernel / && !/ absent: / { found = 1 } END { exit !found }' /tmp/heaps ||
    bad "$name is not in the list"
  grep -F "\"name\":\"$name\"" /tmp/heaps.json | grep -F '"absence_reason":null' | grep -qF '"source":"kernel"' ||
    bad "$name is not in the list as JSON"
done
unload
exit $status
