// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include <sched.h>

#include "CBenchmarkShims.h"

int dma_heaps_current_cpu(void) { return sched_getcpu(); }
