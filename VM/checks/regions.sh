#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Heaps whose memory was set aside when the module was loaded, by its parameters: what is refused and what is said
# of it, who has which page, what clients and drivers see, and that the memory is back afterwards.

. ./lib.sh

# Has the module refuse parameters, and say why.
refused() {
  said=$1
  shift
  dmesg -c >/dev/null
  if insmod $module "$@" 2>/dev/null; then
    bad "taken: $*"
    unload
  fi
  dmesg | grep -qF -- "$said" || bad "$*: no '$said' in: $(dmesg | grep swift)"
}

before=$(free_memory)
for text in camera :64M camera: camera:64X camera::1 camera:64M: camera:64M:1:2 camera:64M:x; do
  refused "'$text' is not name:size[:base]" "region=$text"
done
for text in camera camera:64M camera:64M: camera:64M:0 camera:64M:64K:1; do
  refused "'$text' is not name:size:alignment" "chunk=$text"
done
refused "region: 'camera': 0 bytes are not one or more whole pages of 4096" region=camera:0
refused "region: 'camera': 4097 bytes are not" region=camera:4097
refused "bytes are more than a region can have, 4294963200" region=camera:4G
refused "bytes are more than a region can have, 4294963200" region=camera:8000T
refused "no region begins at 0x1001" region=camera:1M:0x1001
refused "no region begins at 0xfffffffffffff000" region=camera:1M:0xfffffffffffff000
refused "cannot be had" region=camera:1M:0
refused "cannot be had" region=camera:1M:0x100000000000
refused "there are no 3221225472 bytes in a row to be had" region=camera:3G
refused "an alignment of 3000 bytes is no power of two from 4096 on" chunk=frames:64M:3000
refused "an alignment of 2048 bytes is no power of two from 4096 on" chunk=frames:64M:2K
refused "chunks of 2097152 bytes are larger than the region of 1048576" chunk=frames:1M:2M
refused "refill: 'frames:x' is not heap:low[:high] of a heap of chunks" chunk=frames:1M:64K refill=frames:x
refused "refill: 'frames:4:3' is not heap:low[:high]" chunk=frames:1M:64K refill=frames:4:3
refused "refill: 'camera:4' is not heap:low[:high] of a heap of chunks" region=camera:1M refill=camera:4
# What was taken before is given back.
refused "'frames' is not name:size:alignment" region=camera:64M chunk=frames
refused "'a/b' cannot be a heap's name" region=a/b:64M
refused "has 200 bytes; a heap's name has at most" "region=$(printf '%0200d' 0):64M"
refused "there are two heaps 'camera'" region=camera:16M,camera:16M
for text in camera :camera camera: a:b:camera; do refused "alias: '$text' is not name:heap" "alias=$text"; done
refused "alias: there are two heaps 'camera'" region=camera:16M alias=camera:camera
refused "alias: 'a/b' cannot be a heap's name" region=camera:16M alias=a/b:camera
memory_is_back "$before"

# Half of the memory is a file's, which has to move.
half=$(awk '$1 == "MemFree:" { print int($2 / 2048) }' /proc/meminfo)
dd if=/dev/urandom of=/tmp/file bs=1M count="$half" 2>/dev/null
sum=$(md5sum </tmp/file)
dmesg -c >/dev/null
load region=camera:100M chunk=frames:128M:64K alias=cma:camera
[ "$(md5sum </tmp/file)" = "$sum" ] || bad "a file that was in the way has changed"
rm /tmp/file
dmesg | grep 'has the memory'
cat /sys/kernel/debug/swift_dma_heaps/regions

insmod /modules/importer.ko || bad "insmod importer"
for heap in camera frames; do
  # Nothing of a region is pooled, or waits.
  # shellcheck disable=SC2046 # one word a check
  heap-checks run $(heap-checks list | awk '$1 != "zero-under-pressure" &&
    /^(zero|request|life|map|fd|node|region)-|^load-(kill|threads) / { print $1 }') \
    --strict --heap /dev/dma_heap/$heap || status=1
done
heap-checks run zero-never-written fd-name --strict --heap /dev/dma_heap/cma || status=1
dmabuf-heap >/tmp/output 2>&1 || bad "dmabuf-heap: status $?"
if grep -qE 'FAIL|not ok|failed' /tmp/output; then bad "dmabuf-heap: $(cat /tmp/output)"; fi
awk 'NR > 1 && $3 != $4 { exit 1 }' /sys/kernel/debug/swift_dma_heaps/regions ||
  bad "regions are not whole: $(cat /sys/kernel/debug/swift_dma_heaps/regions)"
unload

# So small that a turn through all chunks is short; drivers' writes must be gone when pages come again.
load region=camera:16M chunk=frames:1M:64K,pages:64K:4K
for heap in camera frames pages; do
  # shellcheck disable=SC2046 # one word a check
  heap-checks run $(heap-checks list | awk '/^(import|sync|region)-/ { print $1 }') \
    --strict --heap /dev/dma_heap/$heap || status=1
done
rmmod importer || bad "rmmod importer"
unload

# Chunks that are there before anybody asks, of which whoever needs all has all.
load region=camera:1M chunk=frames:16M:64K refill=frames:16:32
for _ in $(seq 50); do
  [ "$(awk '$1 == "frames" { print $4, $7 }' /sys/kernel/debug/swift_dma_heaps/regions)" = "3584 512" ] && break
  sleep 0.1
done
[ "$(awk '$1 == "frames" { print $4, $7 }' /sys/kernel/debug/swift_dma_heaps/regions)" = "3584 512" ] ||
  bad "no stock: $(cat /sys/kernel/debug/swift_dma_heaps/regions)"
heap-checks run zero-recycled zero-threads life-duplicate load-threads --strict --heap /dev/dma_heap/frames || status=1
unload

# A place of its own, by its address: the first below the one that was found where nothing is for good.
load region=camera:16M
place=$(($(awk '$1 == "camera" { print $2 * 4096 }' /sys/kernel/debug/swift_dma_heaps/regions)))
unload
for _ in $(seq 20); do
  place=$((place - 16777216))
  insmod $module region=camera:16M:"$place" 2>/dev/null && break
done
[ "$(awk '$1 == "camera" { print $2 * 4096 }' /sys/kernel/debug/swift_dma_heaps/regions)" = $((place)) ] ||
  bad "not at $place: $(cat /sys/kernel/debug/swift_dma_heaps/regions)"
# Nobody else has it meanwhile.
heap-checks hold mapping --seconds 600 --heap /dev/dma_heap/camera >/tmp/held &
holder=$!
until grep -q holding /tmp/held; do
  kill -0 $holder 2>/dev/null || { bad "no buffer of a region can be held"; break; }
  sleep 0.1
done
rmmod swift_dma_heaps 2>/dev/null && bad "the module was unloaded under a buffer of a region"
kill -9 $holder
wait
unload
# Three pages that the kernel finds faulty are nobody's from then on; those beside them are as good as before.
load region=camera:4M
check_by_module pool_owner heap=camera
[ "$(awk '$1 == "camera" { print $3 - $4 }' /sys/kernel/debug/swift_dma_heaps/regions)" = 3 ] ||
  bad "not three pages are kept back: $(cat /sys/kernel/debug/swift_dma_heaps/regions)"
unload

memory_is_back "$before"
exit $status
