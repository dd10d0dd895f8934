#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# What is exported to other modules, used as it is meant: a pool whose blocks their owner frees, queries, deferred
# freeing, buffers for the kernel itself; and faulty memory, which only the kernel can find.

. ./lib.sh

debug=/sys/kernel/debug/swift_dma_heaps
before=$(free_memory)
load
check_by_module pool_owner "heap=$(cat $parameters/name_prefix)system"
grep -qx 'in_buffers 0' $debug/accounts || bad "blocks are not accounted for: $(cat $debug/accounts)"
[ "$(cat $debug/shrinkers/deferred/count)" = '0 0' ] || bad "something is still deferred"
unload
memory_is_back "$before"
exit $status
