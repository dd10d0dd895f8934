#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# The module stays while anybody uses it, goes when nobody does, and takes its memory along.

. ./lib.sh

load
node=$(nodes | cut -d ' ' -f 1)
unload

for what in node buffer mapping; do
  load
  heap-checks hold $what --seconds 600 --heap "$node" >/tmp/held &
  holder=$!
  while ! grep -qs holding /tmp/held; do
    kill -0 $holder 2>/dev/null || { bad "no $what can be held"; break; }
    sleep 0.1
  done
  if rmmod swift_dma_heaps 2>/dev/null; then
    bad "unloaded while a $what is held"
  else
    echo "ok a $what keeps the module"
  fi
  kill -9 $holder
  wait $holder 2>/dev/null
  rm /tmp/held
  unload
done

before=$(free_memory)
heap-checks hold visits --seconds 600 --heap "$node" &
visitor=$!
for _ in $(seq 20); do
  load
  sleep 0.2
  # Visits keep the module for moments; one of many attempts finds it alone.
  attempts=0
  until rmmod swift_dma_heaps 2>/dev/null; do
    attempts=$((attempts + 1))
    if [ $attempts -gt 500 ]; then
      bad "not unloaded in 500 attempts"
      break 2
    fi
  done
done
kill -9 $visitor
wait $visitor 2>/dev/null
if [ $status -eq 0 ]; then echo "ok loaded and unloaded 20 times under visits"; fi
memory_is_back "$before"

# What a single load leaves behind is too little to be seen; that of 20 is not. Kernels that check their
# memory keep too much of it, but find such leaks themselves.
if [ ! -e /sys/kernel/debug/kmemleak ]; then
  before=$(free_memory)
  for _ in $(seq 20); do
    load
    unload
  done
  memory_is_back "$before" 400
fi
exit $status
