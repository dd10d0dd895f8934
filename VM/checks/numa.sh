#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# All checks on a machine whose memory has two nodes.

. ./lib.sh

[ -d /sys/devices/system/node/node1 ] || { bad "the machine's memory has one node"; exit 1; }
. ./checks.sh
