#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# All checks on a machine with more CPUs than the pools have shards.

. ./lib.sh

[ "$(nproc)" -gt 8 ] || { bad "the machine has $(nproc) CPUs"; exit 1; }
. ./checks.sh
