#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# The kernel's own test, on every node there is. It ends well even after it has found a dirty byte.

. ./lib.sh

if [ -e $module ]; then load; fi
dmabuf-heap >/tmp/output 2>&1 || bad "dmabuf-heap: status $?"
cat /tmp/output
if grep -qE 'FAIL|not ok|failed' /tmp/output; then bad "dmabuf-heap: see above"; fi
for node in /dev/dma_heap/*; do
  grep -q "heap: ${node##*/}\$" /tmp/output || bad "dmabuf-heap has not tested $node"
done
if [ -e $module ]; then unload; fi
exit $status
