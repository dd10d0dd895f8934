#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# The library in a process, on this kernel: signals, control groups of version 2, pressure. No module is loaded.

status=0
process-checks signals group pressure || status=1

# Without huge pages all memory is reserved by fallocate(2), which signals undo here.
echo deny >/sys/kernel/mm/transparent_hugepage/shmem_enabled
process-checks signals || status=1
exit $status
