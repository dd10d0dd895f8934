// SPDX-License-Identifier: MIT
/*
 * Buffer objects: what stands behind a dma-buf. A buffer is a scatter list with one entry for each of its
 * blocks; devices get copies of it, processes get the pages mapped, and both are remembered only as far
 * as the core must know whether anybody could have written (S4).
 */
#include <linux/dma-buf.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "buffer.h"

static struct kmem_cache *buffer_cache;

int buffer_start(void)
{
	buffer_cache = kmem_cache_create("swift_dma_heap_buffer", sizeof(struct heap_buffer), 0,
					 SLAB_HWCACHE_ALIGN, NULL);
	return buffer_cache ? 0 : -ENOMEM;
}

void buffer_stop(void)
{
	kmem_cache_destroy(buffer_cache);
}

/* A table with an entry for each block; most buffers are one block and have the room for it themselves. */
static int make_table(struct heap_buffer *buffer, struct page *first, unsigned long blocks)
{
	size_t rest = buffer->size;
	struct page *block = first;
	struct scatterlist *entry;
	unsigned int index;

	if (blocks == 1) {
		sg_init_table(&buffer->single, 1);
		buffer->table.sgl = &buffer->single;
		buffer->table.nents = 1;
		buffer->table.orig_nents = 1;
	} else if (blocks > UINT_MAX || sg_alloc_table(&buffer->table, blocks, GFP_BOOKKEEPING)) {
		return -ENOMEM;
	}
	for_each_sgtable_sg(&buffer->table, entry, index) {
		const struct core_page *words = (struct core_page *)block;
		size_t size = min(words->tag >> CORE_TAG_PAGES_SHIFT << PAGE_SHIFT, rest);

		sg_set_page(entry, block, size, 0);
		rest -= size;
		block = words->next;
	}
	return 0;
}

static void free_buffer(struct heap_buffer *buffer)
{
	if (buffer->table.sgl != &buffer->single)
		sg_free_table(&buffer->table);
	kmem_cache_free(buffer_cache, buffer);
}

void glue_destroy_buffer(struct core_buffer *core)
{
	free_buffer(heap_buffer(core));
}

struct dma_buf *glue_export(const struct core_buffer *core, struct page *first,
			    unsigned long blocks, unsigned long pages,
			    const struct swift_dma_heap *heap, unsigned int flags)
{
	struct heap_buffer *buffer = kmem_cache_zalloc(buffer_cache, GFP_BOOKKEEPING);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *exported;
	int error;

	if (!buffer)
		return ERR_PTR(-ENOMEM);
	buffer->core = *core;
	buffer->size = pages << PAGE_SHIFT;
	mutex_init(&buffer->lock);
	INIT_LIST_HEAD(&buffer->attachments);
	error = make_table(buffer, first, blocks);
	if (error) {
		kmem_cache_free(buffer_cache, buffer);
		return ERR_PTR(error);
	}

	info.exp_name = glue_heap_name(heap);
	info.ops = &buffer_operations;
	info.size = buffer->size;
	info.flags = flags;
	info.priv = buffer;
	exported = dma_buf_export(&info);
	if (IS_ERR(exported)) {
		free_buffer(buffer);
		return exported;
	}

	buffer->exported = exported;
	buffer->heap_name = info.exp_name;
	buffer->maker = current->tgid;
	/* Ends in NUL at every moment, also while another thread renames this one. */
	memcpy(buffer->maker_name, current->comm, sizeof(buffer->maker_name));
	buffer->made_at = jiffies;
	buffer_list_add(buffer);
	return exported;
}

void buffer_released(struct heap_buffer *buffer)
{
	buffer_list_remove(buffer);
	core_release(&buffer->core);
}
