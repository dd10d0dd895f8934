// SPDX-License-Identifier: MIT

#ifndef C_BENCHMARK_SHIMS_H
#define C_BENCHMARK_SHIMS_H

/// The CPU that the caller runs on: `sched_getcpu(3)`, which Glibc's module hides.
int dma_heaps_current_cpu(void);

#endif
