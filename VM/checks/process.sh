#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# The library in a process, on this kernel: signals, control groups of version 2, pressure. No module is loaded.

process-checks signals group pressure
