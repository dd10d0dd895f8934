/* SPDX-License-Identifier: MIT */
/*
 * Heaps, page pools and deferred freeing for other kernel modules.
 *
 * A module that uses these depends on swift_dma_heaps, which cannot be unloaded before it.
 *
 * "Context: process" is a thread that may sleep. "Not atomic" is one that may not have to, but is in no interrupt,
 * holds no raw spinlock and has neither preemption nor interrupts disabled: the locks below are spinlocks, which
 * sleep on PREEMPT_RT. A spinlock of the caller's own may be held there, unless it is taken with interrupts or
 * bottom halves disabled.
 *
 * What is called wrongly, with a pool that is no more or a heap that was none, warns in the kernel's log, once,
 * and does nothing.
 */
#ifndef SWIFT_DMA_HEAPS_H
#define SWIFT_DMA_HEAPS_H

#include <linux/compiler.h>
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
 *	O_CLOEXEC in @flags. The memory must be zeroed (H6). Returns the dma-buf or an error pointer. The
 *	buffer's exporter must be @owner, which its life then keeps loaded.
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
 * Return: the heap, or an error pointer: EINVAL without a name or @allocate, EINVAL or ENAMETOOLONG for the name,
 * EEXIST for one that is taken, ENOSPC when there are too many heaps, ENOMEM, EBUSY when there is no device number.
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
 * Buffers for the kernel itself. A heap that was found stays what it is until it is put; when its owner removes it
 * meanwhile, requests fail with ENODEV.
 */

/**
 * swift_dma_heap_find() - finds a heap by its name
 * @name: as in /dev/dma_heap/<name>, of this module or of others that use it.
 *
 * Context: process; may sleep.
 * Return: the heap, to be put; NULL when there is none.
 */
struct swift_dma_heap *swift_dma_heap_find(const char *name);

/**
 * swift_dma_heap_alloc() - allocates a buffer
 * @length: bytes, above 0; rounded up to pages.
 * @flags: access mode and O_CLOEXEC, as for the dma-buf's descriptor, should it get one.
 * @heap_flags: 0: none are defined.
 *
 * Context: process; may sleep, reclaims.
 * Return: the dma-buf, or an error pointer: EINVAL, ENOMEM, EINTR when the caller is being killed, ENODEV when the
 * heap was removed, or what another module's heap says.
 */
struct dma_buf *swift_dma_heap_alloc(struct swift_dma_heap *heap, unsigned long length, u32 flags,
				     u64 heap_flags);

/**
 * swift_dma_heap_put() - ends what swift_dma_heap_find() began
 *
 * Context: process; may sleep. Buffers live on.
 */
void swift_dma_heap_put(struct swift_dma_heap *heap);

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
 * typedef swift_page_pool_free_function - frees a block of a pool of 2^@order pages
 *
 * The block's fields lru and private are the caller's again; what it was given to, it goes back to.
 * Context: process, often memory reclaim: must not allocate, nor take a lock that is held while allocating. Not
 * called any more after swift_page_pool_destroy().
 */
typedef void swift_page_pool_free_function(struct page *block, unsigned int order, void *data);

/**
 * swift_page_pool_create_with() - makes an empty pool whose blocks its owner frees
 * @order: as for swift_page_pool_create().
 * @free: for blocks that leave the pool for the system, and those that are released; NULL: as in other pools.
 * @data: for @free.
 *
 * For blocks with a state of their own, such as other caching attributes: set up what swift_page_pool_alloc_new()
 * returns, and undo it in @free, which ends with __free_pages().
 * Context and return: as for swift_page_pool_create().
 */
struct swift_page_pool *swift_page_pool_create_with(unsigned int order,
						    swift_page_pool_free_function *free,
						    void *data);

/**
 * swift_page_pool_destroy() - destroys a pool and releases its blocks
 * @pool: nobody uses it any more. Blocks that were taken and are released or given later go to the system, past
 *	the owner's function.
 *
 * Context: process; sleeps while the shrinker uses the pool.
 */
void swift_page_pool_destroy(struct swift_page_pool *pool);

/**
 * swift_page_pool_take() - takes a block out of the pool
 *
 * Context: not atomic.
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
 * swift_page_pool_alloc_new() - gets a new block from the system, whatever the pool has
 *
 * Context and return: as for swift_page_pool_alloc().
 */
struct page *swift_page_pool_alloc_new(struct swift_page_pool *pool);

/**
 * swift_page_pool_give() - puts a block back into its pool
 * @pool: where the block came from.
 * @block: taken or allocated from it, zeroed by the caller. Its fields lru and
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

/**
 * swift_page_pool_pages() - pages in the pool now
 *
 * Context: not atomic.
 */
unsigned long swift_page_pool_pages(struct swift_page_pool *pool);

/** swift_page_pools_total() - pages in all pools of all users now. Context: any. */
unsigned long swift_page_pools_total(void);

/** swift_page_pools_limit() - the most pages that may be there: page_pool_size. Context: any. */
unsigned long swift_page_pools_limit(void);

/*
 * Deferred freeing: whatever takes long to free, with memory in it, is handed over to the thread that zeroes freed
 * buffers, which runs when nobody else has anything to do.
 */

/**
 * enum swift_deferred_reason - why something is freed now
 * @SWIFT_DEFERRED_NORMAL: its turn has come, or more waits than may (deferred_limit): take the time.
 * @SWIFT_DEFERRED_UNDER_PRESSURE: memory is short: give it back to where it came from, not to a pool; allocate
 *	nothing.
 */
enum swift_deferred_reason {
	SWIFT_DEFERRED_NORMAL,
	SWIFT_DEFERRED_UNDER_PRESSURE,
};

/**
 * struct swift_deferred_item - something to be freed, inside what it is about
 * @link: ours while it waits.
 * @pages: what it frees; counted against deferred_limit and by the shrinker.
 * @free: frees it, the item included. Context: process, for SWIFT_DEFERRED_UNDER_PRESSURE memory reclaim; holds
 *	up all others that wait.
 */
struct swift_deferred_item {
	struct list_head link;
	unsigned long pages;
	void (*free)(struct swift_deferred_item *item, enum swift_deferred_reason reason);
};

/**
 * swift_deferred_free() - hands something over
 * @item: @pages and @free are set; not the caller's any more.
 *
 * What was handed over first is freed first. When more than deferred_limit pages would wait, @free is called at
 * once, in the caller's context, unless nothing waits.
 * Context: process; may sleep.
 */
void swift_deferred_free(struct swift_deferred_item *item);

/**
 * swift_deferred_flush() - returns when everything is freed that was handed over before
 *
 * A module must call it when nothing of it can be handed over any more and before its code goes.
 * Context: process; sleeps, and frees what waits.
 */
void swift_deferred_flush(void);

#endif
