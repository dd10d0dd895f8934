// SPDX-License-Identifier: MIT
/*
 * A heap of another module's, as small as one can be: buffers of one 1 MiB block out of a page pool of its
 * own, for processes only, zeroed in the background. It shows how to register a heap, how to share the pools, and
 * how to leave the zeroing to the module's thread, and lets a test see that all of it works.
 */
#include <linux/dma-buf.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../Glue/compat.h"
#include "swift_dma_heaps.h"

#define BLOCK_ORDER 8
#define BLOCK_BYTES (PAGE_SIZE << BLOCK_ORDER)

static struct swift_page_pool *pool;
static struct swift_dma_heap *heap;

struct sample_buffer {
	struct swift_deferred_item item;
	struct page *block;
};

static struct sg_table *map_device(struct dma_buf_attachment *attachment,
				   enum dma_data_direction direction)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void unmap_device(struct dma_buf_attachment *attachment, struct sg_table *table,
			 enum dma_data_direction direction)
{
}

static int map_process(struct dma_buf *buffer, struct vm_area_struct *area)
{
	struct page *block = ((struct sample_buffer *)buffer->priv)->block;

	return remap_pfn_range(area, area->vm_start, page_to_pfn(block) + area->vm_pgoff,
			       area->vm_end - area->vm_start, area->vm_page_prot);
}

static void free_buffer(struct swift_deferred_item *item, enum swift_deferred_reason reason)
{
	struct sample_buffer *sample = container_of(item, struct sample_buffer, item);

	if (reason == SWIFT_DEFERRED_NORMAL) {
		for (unsigned int index = 0; index < 1 << BLOCK_ORDER; index++)
			clear_highpage(sample->block + index);
		swift_page_pool_give(pool, sample->block);
	} else {
		swift_page_pool_release(pool, sample->block);
	}
	kfree(sample);
}

static void release(struct dma_buf *buffer)
{
	struct sample_buffer *sample = buffer->priv;

	swift_deferred_free(&sample->item);
}

static const struct dma_buf_ops operations = {
	.map_dma_buf = map_device,
	.unmap_dma_buf = unmap_device,
	.mmap = map_process,
	.release = release,
};

static struct dma_buf *allocate(struct swift_dma_heap *heap, unsigned long length, u32 flags,
				u64 heap_flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct sample_buffer *sample;
	struct dma_buf *buffer;

	if (length > BLOCK_BYTES)
		return ERR_PTR(-ENOMEM);
	sample = kzalloc(sizeof(*sample), GFP_KERNEL);
	if (!sample)
		return ERR_PTR(-ENOMEM);
	sample->item.pages = 1 << BLOCK_ORDER;
	sample->item.free = free_buffer;
	sample->block = swift_page_pool_alloc(swift_dma_heap_data(heap));
	if (!sample->block) {
		kfree(sample);
		return ERR_PTR(-ENOMEM);
	}
	info.exp_name = swift_dma_heap_name(heap);
	info.ops = &operations;
	info.size = length;
	info.flags = flags;
	info.priv = sample;
	buffer = dma_buf_export(&info);
	if (IS_ERR(buffer)) {
		swift_page_pool_give(pool, sample->block);
		kfree(sample);
	}
	return buffer;
}

static int __init sample_heap_init(void)
{
	struct swift_dma_heap_info info = {
		.name = "sample",
		.owner = THIS_MODULE,
		.allocate = allocate,
	};

	pool = swift_page_pool_create(BLOCK_ORDER);
	if (!pool)
		return -ENOSPC;
	info.data = pool;
	heap = swift_dma_heap_add(&info);
	if (IS_ERR(heap)) {
		swift_page_pool_destroy(pool);
		return PTR_ERR(heap);
	}
	return 0;
}

static void __exit sample_heap_exit(void)
{
	swift_dma_heap_remove(heap);
	/* Buffers that are gone may still wait for their turn. */
	swift_deferred_flush();
	swift_page_pool_destroy(pool);
}

module_init(sample_heap_init);
module_exit(sample_heap_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_AUTHOR("The swift-dma-heaps authors");
MODULE_DESCRIPTION("A sample heap that shares the page pools");
COMPAT_IMPORT_DMA_BUF;
