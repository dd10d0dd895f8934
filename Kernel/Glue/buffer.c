// SPDX-License-Identifier: MIT
/*
 * Buffer objects: what stands behind a dma-buf. A buffer is a scatter list with one entry for each of its
 * blocks; devices get copies of it, processes get the pages mapped, and both are remembered only as far
 * as the core must know whether anybody could have written (S4).
 */
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "buffer.h"

static struct kmem_cache *buffer_cache;

static DEFINE_SPINLOCK(live_lock);
static LIST_HEAD(live_buffers);

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

/* A table for so many blocks; most buffers are one block and have the room for it themselves. */
static int make_table(struct heap_buffer *buffer, unsigned long blocks)
{
	if (blocks > UINT_MAX)
		return -EINVAL;
	if (blocks > 1)
		return sg_alloc_table(&buffer->table, blocks, GFP_KERNEL);
	sg_init_table(&buffer->single, 1);
	buffer->table.sgl = &buffer->single;
	buffer->table.nents = 1;
	buffer->table.orig_nents = 1;
	return 0;
}

static void free_table(struct heap_buffer *buffer)
{
	if (buffer->table.sgl != &buffer->single)
		sg_free_table(&buffer->table);
}

struct core_buffer *glue_make_buffer(unsigned long blocks)
{
	struct heap_buffer *buffer = kmem_cache_zalloc(buffer_cache, GFP_KERNEL);

	if (!buffer)
		return NULL;
	if (make_table(buffer, blocks)) {
		kmem_cache_free(buffer_cache, buffer);
		return NULL;
	}
	mutex_init(&buffer->lock);
	INIT_LIST_HEAD(&buffer->attachments);
	buffer->last = buffer->table.sgl;
	return &buffer->core;
}

void glue_add_block(struct core_buffer *core, struct page *block, unsigned long pages)
{
	struct heap_buffer *buffer = heap_buffer(core);

	sg_set_page(buffer->last, block, pages << PAGE_SHIFT, 0);
	buffer->last = sg_next(buffer->last);
	buffer->size += pages << PAGE_SHIFT;
}

void glue_destroy_buffer(struct core_buffer *core)
{
	struct heap_buffer *buffer = heap_buffer(core);

	free_table(buffer);
	kmem_cache_free(buffer_cache, buffer);
}

struct dma_buf *glue_export(struct core_buffer *core, const struct swift_dma_heap *heap,
			    unsigned int flags)
{
	struct heap_buffer *buffer = heap_buffer(core);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *exported;

	info.exp_name = glue_heap_name(heap);
	info.ops = &buffer_operations;
	info.size = buffer->size;
	info.flags = flags;
	info.priv = buffer;
	exported = dma_buf_export(&info);
	if (IS_ERR(exported))
		return exported;

	buffer->exported = exported;
	buffer->heap_name = glue_heap_name(heap);
	buffer->maker = current->tgid;
	/* Ends in NUL at every moment, also while another thread renames this one. */
	memcpy(buffer->maker_name, current->comm, sizeof(buffer->maker_name));
	buffer->made_at = jiffies;
	spin_lock(&live_lock);
	list_add_tail(&buffer->live, &live_buffers);
	spin_unlock(&live_lock);
	return exported;
}

void buffer_released(struct heap_buffer *buffer)
{
	spin_lock(&live_lock);
	list_del(&buffer->live);
	spin_unlock(&live_lock);
	core_release(&buffer->core);
}

static void show_line(struct seq_file *file, struct heap_buffer *buffer)
{
	struct dma_buf *exported = buffer->exported;

	/* The name is whatever a client has set it to. */
	spin_lock(&exported->name_lock);
	seq_printf(file, "%s %zu %u %d %s %s\n", buffer->heap_name, buffer->size,
		   jiffies_to_msecs(jiffies - buffer->made_at), buffer->maker,
		   buffer->maker_name, exported->name ?: "-");
	spin_unlock(&exported->name_lock);
}

void buffer_show(struct seq_file *file)
{
	struct heap_buffer *buffer;

	seq_puts(file, "heap bytes age_ms pid command name\n");
	/* Printing does not sleep: a full seq_file is only noted, and the report made anew. */
	spin_lock(&live_lock);
	list_for_each_entry(buffer, &live_buffers, live)
		show_line(file, buffer);
	spin_unlock(&live_lock);
}
