/* SPDX-License-Identifier: MIT */
/* What the glue's files know of each other. */
#ifndef SWIFT_DMA_HEAPS_INTERNAL_H
#define SWIFT_DMA_HEAPS_INTERNAL_H

#include <linux/limits.h>
#include <linux/types.h>

#include "glue.h"

#define MODULE_NAME "swift_dma_heaps"

/* For what a request needs beside its memory: no process is killed for it either. */
#define GFP_BOOKKEEPING (GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN | __GFP_NOMEMALLOC)

/* parameters.c */
/* From the start to the stop of the core, changes of the limits reach it at once. */
int parameters_start_core(void);
void parameters_stop_core(void);
/* Pages, as the core has it. */
unsigned long parameters_deferred_limit(void);
/* Before the node names of the module's own heaps. */
const char *parameters_name_prefix(void);

/* memory.c */
/* Zeroes pages that are new, if the kernel has not. */
void memory_zero_new(struct page *block, unsigned long pages);

/* regions.c: what the parameters of that name have set aside. */
int regions_take(void);
void regions_give_back(void);
/* How many there are, and where they stand. */
unsigned int regions_taken(const struct core_region **regions);

/* A scatter list's entry has 32 bits for its bytes, and a buffer may be all of a region. */
#define LARGEST_REGION ((unsigned long long)(UINT_MAX & PAGE_MASK))

/* devices.c: the heaps that the device tree declares, each while its device is bound. */
#ifdef CONFIG_OF
void devices_start(void);
void devices_stop(void);
#else
static inline void devices_start(void)
{
}

static inline void devices_stop(void)
{
}
#endif

/* stock.c: has a heap of that name keep in stock what the administrator wants. */
int stock_set(const char *heap, void *own);

/* frames.c */
/* Any frame of a run, where it says FRAMES_ANYWHERE. */
#define FRAMES_ANYWHERE ULONG_MAX
/*
 * Takes a run of frames from the page allocator, which moves what is there to elsewhere. *first: where, or
 * FRAMES_ANYWHERE for a multiple of the alignment, and then where that is. -EBUSY where it cannot be had, -EINTR
 * when the caller is being killed, -EOPNOTSUPP where the kernel cannot give any (CONFIG_CONTIG_ALLOC). Context: process; sleeps, for up to seconds.
 */
int frames_take(unsigned long *first, unsigned long pages, unsigned long alignment);
void frames_give_back(unsigned long first, unsigned long pages);

/* buffer.c */
int buffer_start(void);
void buffer_stop(void);

/* buffer_list.c: a file with a line for each live buffer. */
struct file_operations;
extern const struct file_operations buffer_list_operations;

/* thread.c */
int worker_start(void);
void worker_stop(void);

/* shrinker.c */
int shrinker_start(void);
void shrinker_stop(void);
/* As of the core's, what other modules' objects add included. */
unsigned long shrinker_count(enum core_shrinker which, int node);
unsigned long shrinker_scan(enum core_shrinker which, int node, unsigned long pages);

/* deferred.c: other modules' objects that wait to be freed. */
/* Frees one; false when none waits. */
bool deferred_work(void);
/* Pages that wait. */
unsigned long deferred_count(void);
/* Frees so many pages under pressure, where they wait; returns how many. */
unsigned long deferred_scan(unsigned long target);

/* names.c */
int names_start(void);
void names_stop(void);
/* A copy of a name that stays until names_stop(), the same for the same text; NULL: no memory. */
const char *name_keep(const char *text);

/* heap.c */
struct device;
struct swift_dma_heap_info;
/* The heap that a node's device is of. */
struct swift_dma_heap *heap_of_device(struct device *device);
/*
 * Makes all of a heap but its node, and registers its name; or returns an error pointer.
 * own: the core's own heap, NULL for another module's.
 */
struct swift_dma_heap *heap_make(const struct swift_dma_heap_info *info, void *own);
/*
 * Undoes that, when the heap has no node any more: waits for requests that are under way, and frees the heap when
 * the last open node is closed.
 */
void heap_discard(struct swift_dma_heap *heap);
/*
 * Makes the nodes of several heaps. When one cannot be made, none is left, and nobody has ever opened one (H7):
 * before all are there, opening one but the last fails with ENODEV.
 */
int heap_publish(struct swift_dma_heap *const *heaps, size_t count);
void heap_withdraw(struct swift_dma_heap *const *heaps, size_t count);

/* own_heaps.c */
/* Heaps with nodes that come up together. */
struct own_nodes {
	struct swift_dma_heap *heaps[CORE_MOST_OWN_HEAPS];
	unsigned int count;
};

/*
 * Adds the core's heap by all its names, without a node yet: those given, and the administrator's aliases of them.
 * parameter: where the names are from, for what is said of a wrong one. Fails with a negative errno, and has added none
 * then.
 */
int own_nodes_add(struct own_nodes *nodes, const char *parameter, const char *const *names,
		  unsigned int count, void *own);
/* Undoes that for all, when they have no nodes any more. */
void own_nodes_discard(struct own_nodes *nodes);
/* Warns of aliases whose heap is not there. */
void aliases_report(void);
int own_heaps_make(void);
void own_heaps_discard(void);
int own_heaps_publish(void);
void own_heaps_withdraw(void);

/* limits.c */
struct dentry;
struct attribute_group;
extern const struct attribute_group *limits_heap_groups[];
int limits_start(void);
void limits_stop(void);
/* Files in the module's directory of debugfs. */
void limits_debug(struct dentry *parent);

/* debug.c */
void debug_start(void);
void debug_stop(void);

#endif
