/* SPDX-License-Identifier: MIT */
/* What the glue's files know of each other. */
#ifndef SWIFT_DMA_HEAPS_INTERNAL_H
#define SWIFT_DMA_HEAPS_INTERNAL_H

#include <linux/types.h>

#include "glue.h"

#define MODULE_NAME "swift_dma_heaps"

/* parameters.c */
void parameters_configure(struct core_configuration *configuration);
/* Before the node names of the module's own heaps. */
const char *parameters_name_prefix(void);
/* Changes of page_pool_size reach the core from now on; not any more. */
void parameters_go_live(void);
void parameters_end(void);

/* buffer.c */
int buffer_start(void);
void buffer_stop(void);
/* A line for each live buffer. */
void buffer_show(struct seq_file *file);

/* worker.c */
int worker_start(void);
void worker_stop(void);

/* shrinker.c */
int shrinker_start(void);
void shrinker_stop(void);

/* heap.c: the module's own heaps and their nodes. */
int heap_start(void);
void heap_stop(void);

/* debug.c */
void debug_start(void);
void debug_stop(void);

#endif
