#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# Memory without large blocks: smaller ones will do, and nothing is reclaimed or compacted. For a guest of
# 256 MiB.

. ./lib.sh

load
heap-checks run orders-effort --strict --heap "$(nodes | cut -d ' ' -f 1)" || status=1
unload
exit $status
