#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# What drivers do to buffers, by a module that does whatever it is asked: directions, syncs, mappings for the
# kernel, failures.

. ./lib.sh

load
insmod /modules/importer.ko || bad "insmod importer"
for node in $(nodes); do
  # shellcheck disable=SC2046 # one word a check
  heap-checks run $(heap-checks list | awk '/^(import|sync)-/ { print $1 }') --strict --heap "$node" || status=1
done
rmmod importer || bad "rmmod importer"
unload
exit $status
