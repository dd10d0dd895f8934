#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Every allocation in the module, and in what it calls, fails once. For a kernel that injects failures.

. ./lib.sh

for attribute in /sys/kernel/debug/failslab /sys/kernel/debug/fail_page_alloc \
  /sys/kernel/debug/fail_usercopy; do
  [ -e $attribute ] || { bad "the kernel has no $attribute"; continue; }
  # Only what /proc/self/fail-nth asks for, without a report, and whatever the allocation's flags.
  echo 0 >$attribute/probability
  echo 0 >$attribute/verbose
  for flag in ignore-gfp-wait ignore-gfp-highmem cache-filter; do
    if [ -e $attribute/$flag ]; then echo N >$attribute/$flag; fi
  done
  if [ -e $attribute/min-order ]; then echo 0 >$attribute/min-order; fi
done

if [ ! -e $module ]; then
  heap-checks run fault-allocate || status=1
  exit $status
fi
load
heaps=$(nodes)
for node in $heaps; do
  heap-checks run fault-allocate --strict --heap "$node" || status=1
done
unload
heap-checks run fault-module --module $module --heap "${heaps%% *}" || status=1

# When Linux 6.1 cannot show a new slab cache in sysfs, it loses the copy of the cache's name. If that is
# all that was lost, it is forgotten; else all of it is shown at the end.
leaks=/sys/kernel/debug/kmemleak
if [ -e $leaks ]; then
  echo scan >$leaks
  sleep 6
  echo scan >$leaks
  if awk '/^unreferenced object/ { lost++ } / sysfs_slab_add/ { names++ } END { exit lost != names }' $leaks; then
    echo clear >$leaks
  fi
fi

load
for node in $heaps; do
  heap-checks run zero-recycled pool-reuse --strict --heap "$node" || status=1
done
unload
exit $status
