#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Drivers that the kernel has, and a bus master behind an IOMMU, as importers. For a guest with the modules
# vivid and cirrus, and QEMU's devices for them.

. ./lib.sh

load
insmod /modules/importer.ko || bad "insmod importer"
[ -n "$(ls /sys/class/iommu 2>/dev/null)" ] || bad "the machine has no IOMMU"
buffers=/sys/kernel/debug/swift_dma_heaps/accounts
for node in $(nodes); do
  camera "$node" || status=1
  display "$node" || status=1
  heap-checks run bus-master --strict --heap "$node" || status=1
done
grep -qx 'in_buffers 0' $buffers || bad "buffers are left: $(cat $buffers)"

# The same driver with memory that devices have in one piece.
rmmod vivid || bad "rmmod vivid"
insmod /modules/vivid.ko allocators=1 || bad "insmod vivid allocators=1"
camera "$(nodes | cut -d ' ' -f 2)" || status=1
grep -qx 'in_buffers 0' $buffers || bad "buffers are left: $(cat $buffers)"
rmmod importer || bad "rmmod importer"
unload
exit $status
