/* SPDX-License-Identifier: MIT */
/*
 * Heaps and page pools for other kernel modules.
 *
 * A module that uses these depends on swift_dma_heaps, which cannot be unloaded before it.
 */
#ifndef SWIFT_DMA_HEAPS_H
#define SWIFT_DMA_HEAPS_H

#include <linux/types.h>

/* The module's, and that of the package which brings it. */
#define SWIFT_DMA_HEAPS_VERSION "0.1.0"

/* The longest name of a heap. */
#define SWIFT_DMA_HEAP_NAME_BYTES 63

struct dma_buf;
struct module;
struct page;
struct swift_dma_heap;

/**
 * struct swift_dma_heap_info - a heap to be registered
 * @name: 1 to 63 bytes, no '/', not "." or ".."; becomes /dev/dma_heap/<name>. Copied.
 * @owner: THIS_MODULE. It cannot be unloaded while a request of the heap is under way, and is not asked any
 *	more once its unloading has begun.
 * @allocate: makes a buffer of @length bytes, a whole number of pages above 0, with the access mode and
 *	O_CLOEXEC in @flags. The memory must be zeroed (H6). Returns the dma-buf or an error pointer.
 *	Context: process; may sleep; any number of callers at once.
 * @data: for @allocate, see swift_dma_heap_data().
 */
struct swift_dma_heap_info {
	const char *name;
	struct module *owner;
	struct dma_buf *(*allocate)(struct swift_dma_heap *heap, unsigned long length, u32 flags,
				    u64 heap_flags);
	void *data;
};

/**
 * swift_dma_heap_add() - registers a heap and makes its node
 * @info: what to register; needed during the call only.
 *
 * Context: process; may sleep.
 * Return: the heap, or an error pointer: EINVAL or ENAMETOOLONG for the name, EEXIST for one that is
 * taken, ENOSPC when there are too many heaps, ENOMEM, EBUSY when there is no device number.
 */
struct swift_dma_heap *swift_dma_heap_add(const struct swift_dma_heap_info *info);

/**
 * swift_dma_heap_remove() - removes a heap and its node
 * @heap: not used any more afterwards.
 *
 * Waits for requests that are under way, not for those who have the node open: their later requests fail with
 * ENODEV. Buffers may live on: they are the heap owner's.
 * Context: process; sleeps. Not from @allocate.
 */
void swift_dma_heap_remove(struct swift_dma_heap *heap);

/** swift_dma_heap_data() - the data that the heap was registered with */
void *swift_dma_heap_data(const struct swift_dma_heap *heap);

/**
 * swift_dma_heap_name() - the heap's name
 *
 * It stays where it is as long as a module uses this one, also when the heap is removed, so it is fit for a
 * dma-buf's exp_name.
 */
const char *swift_dma_heap_name(const struct swift_dma_heap *heap);

/*
 * Page pools. A pool keeps zeroed blocks of one order. All pools of all users, heaps included, share one
 * limit (the module's parameter page_pool_size) and one shrinker, and stand in one debugfs table.
 */
struct swift_page_pool;

/**
 * swift_page_pool_create() - makes an empty pool
 * @order: of its blocks: each is a compound page of 2^order pages.
 *
 * Context: process.
 * Return: the pool, NULL when @order is above the page allocator's largest or there are too many pools.
 */
struct swift_page_pool *swift_page_pool_create(unsigned int order);

/**
 * swift_page_pool_destroy() - destroys a pool and releases its blocks
 * @pool: nobody uses it any more, and all blocks that were taken are back.
 *
 * Context: process; sleeps while the shrinker uses the pool.
 */
void swift_page_pool_destroy(struct swift_page_pool *pool);

/**
 * swift_page_pool_take() - takes a block out of the pool
 *
 * Context: any but hard interrupts and softirqs; does not sleep.
 * Return: a zeroed block, NULL when the pool has none.
 */
struct page *swift_page_pool_take(struct swift_page_pool *pool);

/**
 * swift_page_pool_alloc() - takes a block out of the pool, or a new one from the system
 *
 * Context: process; may sleep.
 * Return: a zeroed block, NULL when there is no memory, even after all pools were given back.
 */
struct page *swift_page_pool_alloc(struct swift_page_pool *pool);

/**
 * swift_page_pool_give() - puts a block back into its pool
 * @pool: where the block came from.
 * @block: from swift_page_pool_take() or swift_page_pool_alloc(); zeroed by the caller. Its fields lru and
 *	private must be as they were.
 *
 * Context: process; may sleep when the pools are over their limit.
 */
void swift_page_pool_give(struct swift_page_pool *pool, struct page *block);

/**
 * swift_page_pool_release() - gives a block back to the system
 * @pool: where the block came from.
 * @block: as for swift_page_pool_give(), but need not be zeroed.
 *
 * Context: process.
 */
void swift_page_pool_release(struct swift_page_pool *pool, struct page *block);

#endif
