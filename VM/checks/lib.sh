# SPDX-License-Identifier: MIT
#
# What the scripts share; they run in the guest, with busybox's sh, and find this beside them.

module=/modules/swift_dma_heaps.ko
parameters=/sys/module/swift_dma_heaps/parameters
# Bytes of a page, which is a block of sysfs.
page=$(stat -f -c %S /sys)
status=0

# Says what is wrong and goes on: the rest may tell why.
bad() {
  echo "FAILED $*"
  status=1
}

load() {
  insmod "$module" "$@" || bad "insmod $*"
}

# Unloads once nobody uses the module; the last user may take a moment to go.
unload() {
  for _ in $(seq 50); do
    rmmod swift_dma_heaps 2>/dev/null && return
    sleep 0.1
  done
  bad "rmmod: $(rmmod swift_dma_heaps 2>&1)"
}

nodes() {
  prefix=$(cat $parameters/name_prefix)
  echo "/dev/dma_heap/${prefix}system" "/dev/dma_heap/${prefix}system-contig"
}

# Checks the node $1 by a 32-bit program, where the kernel runs such; without a node it exits with 1.
check32() {
  compat32 >/dev/null 2>&1
  if [ $? -eq 1 ]; then
    compat32 "$1" || status=1
  else
    echo "skipped compat32: there is no such program, or the kernel runs none of 32 bits"
  fi
}

# KiB that are free once everything that can be dropped is dropped. Free pages that a CPU keeps at hand,
# up to tens of MiB, do not count as free in meminfo.
free_memory() {
  sync
  echo 3 >/proc/sys/vm/drop_caches
  sleep 0.5
  awk -v page="$page" '$1 == "MemFree:" { free += $2 } $1 == "count:" { free += page / 1024 * $2 } END { print free }' \
    /proc/meminfo /proc/zoneinfo
}

# What the kernel may keep for itself, in KiB, on each CPU; its own memory checkers hold on to freed memory.
tolerance=$((1024 * $(nproc)))
if [ $tolerance -lt 2048 ]; then tolerance=2048; fi
if [ -e /sys/kernel/debug/kmemleak ]; then tolerance=65536; fi

# Fails unless as much memory is free as there was: $1 KiB, or at most $2 KiB less.
memory_is_back() {
  tolerated=${2:-$tolerance}
  for _ in $(seq 10); do
    now=$(free_memory)
    if [ $((now + tolerated)) -ge "$1" ]; then
      echo "ok memory ($1 KiB were free, now $now)"
      return
    fi
  done
  bad "memory: $1 KiB were free, now $now"
}

# Has the module $1 of the guest's check what it is about, in its init, with the parameters that follow.
check_by_module() {
  checker=$1
  shift
  insmod "/modules/$checker.ko" "$@" || { bad "insmod $checker"; return; }
  if [ "$(cat /sys/module/$checker/parameters/failed)" != 0 ]; then
    dmesg | grep 'FAILED'
    bad "$checker"
  fi
  for _ in $(seq 50); do
    rmmod "$checker" 2>/dev/null && return
    sleep 0.1
  done
  bad "rmmod $checker"
}
