#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# No client ever gets hold of a node of a module that then fails to load (H7): not when the second heap's name is
# too long, nor when its node cannot be made. A buffer that outlived the module would end the guest.

. ./lib.sh

# Opens the node $1 again and again, and notes when that succeeds.
open_again_and_again() {
  while [ ! -e /tmp/enough ]; do
    if true <"$1"; then echo "$1" >>/tmp/opened; fi
  done 2>/dev/null
}

# Takes a buffer whenever the node $1 has one, and keeps it for a second.
keep_buffers() {
  while [ ! -e /tmp/enough ]; do
    heap-checks hold buffer --seconds 1 --heap "$1"
  done >/dev/null 2>&1
}

# Loads $2 times with the parameter $1, which must fail, while clients are after the node $3.
fail_under_visits() {
  rm -f /tmp/enough /tmp/opened
  open_again_and_again "$3" &
  keep_buffers "$3" &
  for _ in $(seq "$2"); do
    insmod $module "$1" 2>/dev/null && bad "loaded, though it could not: $1"
    [ -e "$3" ] && bad "a node is left behind: $3"
  done
  touch /tmp/enough
  wait
  [ -e /tmp/opened ] && bad "$(wc -l </tmp/opened) clients had a node of a module that was not loaded: $3"
}

# 55 letters: with 'system' a heap's name, with 'system-contig' too long for one.
prefix=$(printf '%055d' 0 | tr 0 x)
fail_under_visits "name_prefix=$prefix" 12 "/dev/dma_heap/${prefix}system"
dmesg | grep -q 'name_prefix: .* 63 bytes' || bad "the log does not name the limit of a name"
insmod $module name_prefix=a/b 2>/dev/null && bad "a slash in a name was taken"
dmesg | grep -q "name_prefix: .*'/'" || bad "the log does not say what is wrong with a slash"

insmod /modules/occupied_node.ko name=swift_dma_heap-x-system-contig || bad "insmod occupied_node"
fail_under_visits name_prefix=x- 12 /dev/dma_heap/x-system
rmmod occupied_node

load name_prefix=x-
heap-checks run zero-recycled --strict --heap /dev/dma_heap/x-system || status=1
unload
exit $status
