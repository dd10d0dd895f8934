// SPDX-License-Identifier: MIT
/* Another module's mistakes. Each gets a warning and an error or nothing, and all goes on. */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "../Glue/compat.h"
#include "expect.h"
#include "swift_dma_heaps.h"

static struct dma_buf *allocate_nothing(struct swift_dma_heap *heap, unsigned long length,
					u32 flags, u64 heap_flags)
{
	return NULL;
}

static void heaps(void)
{
	struct swift_dma_heap_info info = { .name = "misused", .owner = THIS_MODULE };
	struct swift_dma_heap *heap;

	EXPECT(swift_dma_heap_add(NULL) == ERR_PTR(-EINVAL), "no heap at all");
	EXPECT(swift_dma_heap_add(&info) == ERR_PTR(-EINVAL), "no way to allocate");
	info.allocate = allocate_nothing;
	info.name = NULL;
	EXPECT(swift_dma_heap_add(&info) == ERR_PTR(-EINVAL), "no name");
	info.name = "";
	EXPECT(swift_dma_heap_add(&info) == ERR_PTR(-EINVAL), "an empty name");
	info.name = "a/b";
	EXPECT(swift_dma_heap_add(&info) == ERR_PTR(-EINVAL), "a path");
	info.name = "misused";
	heap = swift_dma_heap_add(&info);
	EXPECT(!IS_ERR(heap), "the heap is not added: %ld", PTR_ERR(heap));
	if (IS_ERR(heap))
		return;
	EXPECT(swift_dma_heap_add(&info) == ERR_PTR(-EEXIST), "a name that is taken");
	EXPECT(swift_dma_heap_alloc(heap, 1, 0, 0) == ERR_PTR(-ENOMEM), "neither buffer nor error");
	EXPECT(swift_dma_heap_alloc(NULL, 1, 0, 0) == ERR_PTR(-EINVAL), "a buffer of no heap");
	EXPECT(!swift_dma_heap_find(NULL), "a heap without a name");
	swift_dma_heap_put(NULL);
	swift_dma_heap_remove(NULL);
	swift_dma_heap_remove(ERR_PTR(-EEXIST));
	swift_dma_heap_remove(heap);
	swift_dma_heap_remove(heap);
}

static void pools(void)
{
	struct swift_page_pool *pool = swift_page_pool_create(2);
	struct swift_page_pool *other = swift_page_pool_create(3);
	struct page *block, *foreign;

	EXPECT(!swift_page_pool_create(11), "blocks of 8 MiB");
	EXPECT(!swift_page_pool_create(60), "blocks of 2^60 pages");
	EXPECT(!swift_page_pool_create(UINT_MAX), "blocks of no size");
	EXPECT(!swift_page_pool_alloc(NULL), "a block of no pool");
	EXPECT(!swift_page_pool_take((void *)0x1234567), "a block of any number");
	EXPECT(pool && other, "no pools");
	if (!pool || !other)
		return;

	/* To another's pool: it goes back to the system. */
	block = swift_page_pool_alloc(pool);
	EXPECT(block, "no block");
	if (block)
		swift_page_pool_give(other, block);
	EXPECT(!swift_page_pool_pages(other), "another's block is pooled");
	block = swift_page_pool_alloc(pool);
	if (block)
		swift_page_pool_release(other, block);
	swift_page_pool_give(pool, NULL);
	swift_page_pool_release(pool, NULL);

	/* A page that was never a pool's is left alone. */
	foreign = alloc_page(GFP_KERNEL);
	if (foreign) {
		swift_page_pool_give(pool, foreign);
		swift_page_pool_release(pool, foreign);
		EXPECT(page_count(foreign) == 1, "a foreign page was freed");
		__free_page(foreign);
	}

	/* After the end. */
	block = swift_page_pool_alloc(pool);
	swift_page_pool_destroy(pool);
	if (block)
		swift_page_pool_give(pool, block);
	swift_page_pool_destroy(pool);
	swift_page_pool_destroy(NULL);
	EXPECT(!swift_page_pool_alloc(pool), "a block of a pool that is no more");
	EXPECT(!swift_page_pool_pages(pool), "pages of a pool that is no more");
	swift_page_pool_destroy(other);
}

static int __init misuse_init(void)
{
	struct swift_deferred_item item = {};

	heaps();
	pools();
	swift_deferred_free(NULL);
	swift_deferred_free(&item);
	return 0;
}

static void __exit misuse_exit(void)
{
}

module_init(misuse_init);
module_exit(misuse_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_AUTHOR("The swift-dma-heaps authors");
MODULE_DESCRIPTION("Makes mistakes with what swift_dma_heaps exports");
COMPAT_IMPORT_DMA_BUF;
