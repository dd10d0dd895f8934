#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Heaps that the device tree declares (board.dts): which there are, and what is said of those that are not; what they
# give out while the kernel has lent their memory to others.

. ./lib.sh

regions=/sys/kernel/debug/swift_dma_heaps/regions
free_contiguous() {
  awk '$1 == "CmaFree:" { print $2 }' /proc/meminfo
}

before=$(free_memory)
contiguous=$(free_contiguous)
dmesg -c >/dev/null
load alias=vidbuf_cached:camera@50000000,all:system,none:no-such-heap
cat $regions
said() {
  dmesg | grep -qF -- "swift_dma_heaps: $1" || bad "no '$1' in: $(dmesg | grep swift)"
}
said "/bad-no-region: 'memory-region' of /bad-no-region is missing"
said "/bad-no-alignment: 'alignment' of /bad-no-alignment is missing"
said "/bad-alignment: 'alignment' of /bad-alignment is no power of two of pages: 0xbb8"
said "/bad-width: 'alignment' of /bad-width is not as long as its cells, but has bytes: 0x8"
said "/bad-size: 'alignment' of /bad-size is more than the region has, bytes: 0x6000000"
said "/bad-phandle: 'memory-region' of /bad-phandle is no node's phandle: 0x7777"
said "/bad-region: 'reusable' of /reserved-memory/fixed@5a000000 is missing"
[ "$(dmesg | grep -c 'swift_dma_heaps: /')" = 7 ] || bad "other complaints: $(dmesg | grep swift)"
names="camera@50000000 vidbuf_cached camera-chunks display@140000000 video default_cma_region linux,cma reserved cma
  system all system-contig"
# shellcheck disable=SC2086 # one word a name
[ "$(ls /dev/dma_heap | sort)" = "$(printf '%s\n' $names | sort)" ] || bad "heaps: $(ls /dev/dma_heap)"

dmesg | grep -qF "alias: 'none:no-such-heap': there is no such heap yet" || bad "nothing is said of an alias of nothing"

# Pages of $1 MiB.
pages() {
  echo $(($1 * 1048576 / page))
}

# Pages, by the region's row: the first frame, all, those of a chunk.
row() {
  awk -v heap="$1" -v column="$2" '$1 == heap { print $column }' $regions
}
camera=$(pages 96)
stock=$(pages 8)
[ "$(row camera@50000000 2) $(row camera@50000000 3) $(row camera@50000000 6)" = "$(pages 1280) $camera 0" ] || bad "camera"
[ "$(row camera-chunks 2) $(row camera-chunks 3)" = "$(pages 1280) $camera" ] || bad "camera-chunks"
[ "$(row camera-chunks 6)" = $((65536 / page)) ] || bad "chunks of camera-chunks"
[ "$(row display@140000000 2) $(row display@140000000 6)" = "$(pages 5120) $(pages 1)" ] || bad "display"
[ "$(row video 3) $(row video 6) $(($(row video 2) % $(pages 32)))" = "$(pages 64) 32 0" ] || bad "video"

# How many buffers of $2 bytes the heap $1 has, of at least $3 that there should be.
taken() {
  count=$(take "/dev/dma_heap/$1" "$2") || { bad "take $1 $2: $count"; return; }
  [ "$count" -ge "$3" ] && [ "$count" -le "$4" ] || bad "$1: $count buffers of $2 bytes, not $3 to $4"
  awk 'NR > 1 && ($3 != $4 || $3 != $5) { exit 1 }' $regions || bad "not whole after $1: $(cat $regions)"
}
all_taken() {
  taken camera@50000000 25165824 3 4
  taken camera-chunks 1000000 85 96
  taken display@140000000 67108864 1 1
  taken display@140000000 1 60 64
  taken video 3000000 20 22
  taken linux,cma 4194304 15 16
}
all_taken

# Files have the regions' memory, too, and stay what they are: the one that is written when no other is left.
mount -o remount,size=99% /tmp
# Where page blocks are large, the kernel would keep hundreds of MiB free.
echo 45056 >/proc/sys/vm/min_free_kbytes
rest=$(awk '$1 == "MemFree:" { free = $2 } $1 == "CmaFree:" { free -= $2 } END { print int(free / 1024) }' /proc/meminfo)
dd if=/dev/zero of=/tmp/zeroes bs=1M count=$((rest - 200)) 2>/dev/null || bad "a file of $((rest - 200)) MiB"
dd if=/dev/urandom of=/tmp/file bs=1M count=150 2>/dev/null || bad "a file of 150 MiB"
sum=$(md5sum </tmp/file)
lent=$((contiguous - $(free_contiguous)))
[ $lent -gt 16384 ] || bad "only $lent KiB of the regions are lent to others"
echo "lent: $lent KiB of $contiguous are used by others"
all_taken
[ "$(md5sum </tmp/file)" = "$sum" ] || bad "a file has changed"
rm /tmp/file /tmp/zeroes

dmabuf-heap >/tmp/output 2>&1 || bad "dmabuf-heap: status $?"
if grep -qE 'FAIL|not ok|failed' /tmp/output; then bad "dmabuf-heap: $(cat /tmp/output)"; fi
# A device is unbound while a client has a buffer, and the node open: both stay what they are, and so does the region.
driver=/sys/bus/platform/drivers/swift_dma_heaps
mkfifo /tmp/go
take /dev/dma_heap/camera@50000000 25165824 hold </tmp/go >/tmp/held &
holder=$!
exec 3>/tmp/go
until grep -q holding /tmp/held; do
  kill -0 $holder 2>/dev/null || { bad "no buffer of a declared heap can be held"; break; }
  sleep 0.1
done
for round in first second; do
  echo camera-frames >$driver/unbind || bad "unbind, $round time"
  for name in camera@50000000 vidbuf_cached; do [ ! -e /dev/dma_heap/$name ] || bad "the node $name stays"; done
  [ "$(row camera@50000000 4)" = $((camera - $(pages 24))) ] || bad "the region without its device: $(cat $regions)"
  rmmod swift_dma_heaps 2>/dev/null && bad "the module was unloaded under a buffer of an unbound device"
  if [ $round = first ]; then
    echo camera-frames >$driver/bind || bad "bind again"
    count=$(take /dev/dma_heap/camera@50000000 25165824) || bad "take beside a held buffer: $count"
    [ "$count" -ge 2 ] || bad "$count buffers beside the held one"
  fi
done
echo go >&3
wait $holder || bad "who held a buffer: $(cat /tmp/held)"
exec 3>&-
[ "$(row camera@50000000 4)" = "$camera" ] || bad "the region does not have its buffer back: $(cat $regions)"
echo camera-frames >$driver/bind || bad "bind in the end"
echo reserved-memory:video >$driver/unbind || bad "unbind a region that is a heap"
[ ! -e /dev/dma_heap/video ] || bad "the region's node stays"
echo reserved-memory:video >$driver/bind || bad "bind it again"
taken camera@50000000 25165824 3 4
taken video 3000000 20 22
unload
[ ! -e $driver ] || bad "the driver stays"
# Chunks in stock: lent to nobody, but whoever needs the region whole has it, and an unbound heap has none.
has_stock() {
  for _ in $(seq 100); do
    [ "$(row camera-chunks 7)" = "$1" ] && return
    sleep 0.1
  done
  bad "$(row camera-chunks 7) pages in stock, not $1: $(cat $regions)"
}
load
echo "1 MiB of lent memory: $(take /dev/dma_heap/camera-chunks 1048576 time) us"
unload
load refill=camera-chunks:128
has_stock "$stock"
echo "1 MiB of a stock: $(take /dev/dma_heap/camera-chunks 1048576 time) us; of the system heap's pool:" \
  "$(take /dev/dma_heap/system 1048576 time) us"
has_stock "$stock"
[ "$(row camera@50000000 4)" = $((camera - stock)) ] || bad "the stock is not the region's: $(cat $regions)"
count=$(take /dev/dma_heap/camera@50000000 100663296) || bad "take all beside a stock: $count"
[ "$count" = 1 ] || bad "$count buffers of a whole region with a stock"
has_stock "$stock"
count=$(take /dev/dma_heap/camera-chunks 1000000) || bad "take from the stock: $count"
[ "$count" -ge 85 ] || bad "$count buffers of chunks with a stock"
has_stock "$stock"
echo camera-chunks >$driver/unbind || bad "unbind a heap with a stock"
has_stock 0
[ "$(row camera@50000000 4)" = "$camera" ] || bad "the stock is not back: $(cat $regions)"
echo camera-chunks >$driver/bind || bad "bind a heap with a stock"
has_stock "$stock"
unload
memory_is_back "$before"
# What a CPU keeps at hand is not told apart.
kept=$(awk -v page="$page" '$1 == "count:" { kept += page / 1024 * $2 } END { print kept }' /proc/zoneinfo)
[ $((contiguous - $(free_contiguous))) -le $((4096 + kept)) ] ||
  bad "contiguous: $contiguous KiB were free, now $(free_contiguous), and CPUs keep $kept"
exit $status
