// SPDX-License-Identifier: MIT
/*
 * What the dma-buf framework asks of a buffer (H4).
 *
 * The core is told of every way to the memory that somebody is given, and says which of them can write (S4). How
 * memory is mapped stands in the buffer: nothing of it is decided here.
 */
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "buffer.h"

/* One device's copy of the scatter list: it carries that device's addresses. */
struct device_attachment {
	struct list_head siblings;
	struct device *device;
	struct sg_table table;
	bool is_mapped;
};

/* Devices that are told to leave the caches alone where memory is in none. */
static unsigned long device_attributes(const struct heap_buffer *buffer)
{
	return buffer->core.needs_cache_maintenance ? 0 : DMA_ATTR_SKIP_CPU_SYNC;
}

static pgprot_t protection(const struct heap_buffer *buffer, pgprot_t cached)
{
	switch (buffer->core.caching) {
	case CORE_WRITE_COMBINED:
		return pgprot_writecombine(cached);
	case CORE_UNCACHED:
		return pgprot_noncached(cached);
	case CORE_CACHED:
		break;
	}
	return cached;
}

static int swift_heap_copy_table(struct sg_table *copy, struct sg_table *table)
{
	struct scatterlist *from, *to;
	unsigned int index;
	int error = sg_alloc_table(copy, table->orig_nents, GFP_BOOKKEEPING);

	if (error)
		return error;
	to = copy->sgl;
	for_each_sgtable_sg(table, from, index) {
		sg_set_page(to, sg_page(from), from->length, from->offset);
		to = sg_next(to);
	}
	return 0;
}

static int swift_heap_attach(struct dma_buf *exported, struct dma_buf_attachment *attachment)
{
	struct heap_buffer *buffer = exported->priv;
	struct device_attachment *own = kzalloc(sizeof(*own), GFP_BOOKKEEPING);
	int error;

	if (!own)
		return -ENOMEM;
	error = swift_heap_copy_table(&own->table, &buffer->table);
	if (error) {
		kfree(own);
		return error;
	}
	own->device = attachment->dev;
	attachment->priv = own;
	mutex_lock(&buffer->lock);
	list_add(&own->siblings, &buffer->attachments);
	mutex_unlock(&buffer->lock);
	return 0;
}

static void swift_heap_detach(struct dma_buf *exported, struct dma_buf_attachment *attachment)
{
	struct heap_buffer *buffer = exported->priv;
	struct device_attachment *own = attachment->priv;

	mutex_lock(&buffer->lock);
	list_del(&own->siblings);
	mutex_unlock(&buffer->lock);
	sg_free_table(&own->table);
	kfree(own);
}

static struct sg_table *swift_heap_map_device(struct dma_buf_attachment *attachment,
					      enum dma_data_direction direction)
{
	struct heap_buffer *buffer = attachment->dmabuf->priv;
	struct device_attachment *own = attachment->priv;
	int error;

	core_accessed(&buffer->core, direction == DMA_TO_DEVICE ? CORE_ACCESS_DEVICE_READS :
							    CORE_ACCESS_DEVICE_WRITES);
	mutex_lock(&buffer->lock);
	error = dma_map_sgtable(own->device, &own->table, direction,
				device_attributes(buffer));
	own->is_mapped = !error;
	mutex_unlock(&buffer->lock);
	return error ? ERR_PTR(error) : &own->table;
}

static void swift_heap_unmap_device(struct dma_buf_attachment *attachment, struct sg_table *table,
				    enum dma_data_direction direction)
{
	struct heap_buffer *buffer = attachment->dmabuf->priv;
	struct device_attachment *own = attachment->priv;

	mutex_lock(&buffer->lock);
	own->is_mapped = false;
	dma_unmap_sgtable(own->device, table, direction, device_attributes(buffer));
	mutex_unlock(&buffer->lock);
}

static int swift_heap_begin_cpu_access(struct dma_buf *exported, enum dma_data_direction direction)
{
	struct heap_buffer *buffer = exported->priv;
	struct device_attachment *own;

	mutex_lock(&buffer->lock);
	if (buffer->address)
		invalidate_kernel_vmap_range(buffer->address, buffer->size);
	list_for_each_entry(own, &buffer->attachments, siblings)
		if (own->is_mapped && buffer->core.needs_cache_maintenance)
			dma_sync_sgtable_for_cpu(own->device, &own->table, direction);
	mutex_unlock(&buffer->lock);
	return 0;
}

static int swift_heap_end_cpu_access(struct dma_buf *exported, enum dma_data_direction direction)
{
	struct heap_buffer *buffer = exported->priv;
	struct device_attachment *own;

	mutex_lock(&buffer->lock);
	if (buffer->address)
		flush_kernel_vmap_range(buffer->address, buffer->size);
	list_for_each_entry(own, &buffer->attachments, siblings)
		if (own->is_mapped && buffer->core.needs_cache_maintenance)
			dma_sync_sgtable_for_device(own->device, &own->table, direction);
	mutex_unlock(&buffer->lock);
	return 0;
}

/* The framework has checked that the mapping lies within the buffer. */
static int swift_heap_map_process(struct dma_buf *exported, struct vm_area_struct *area)
{
	struct heap_buffer *buffer = exported->priv;
	unsigned long skipped = area->vm_pgoff << PAGE_SHIFT;
	unsigned long address = area->vm_start;
	struct scatterlist *block;
	unsigned int index;

	/* A private mapping would be a copy that no device sees. */
	if (!(area->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	core_accessed(&buffer->core, area->vm_flags & (VM_WRITE | VM_MAYWRITE) ?
					     CORE_ACCESS_PROCESS_CAN_WRITE :
					     CORE_ACCESS_PROCESS_READS);

	for_each_sgtable_sg(&buffer->table, block, index) {
		unsigned long length;
		int error;

		if (skipped >= block->length) {
			skipped -= block->length;
			continue;
		}
		length = min(block->length - skipped, area->vm_end - address);
		error = remap_pfn_range(area, address,
					page_to_pfn(sg_page(block)) + (skipped >> PAGE_SHIFT),
					length, protection(buffer, area->vm_page_prot));
		if (error)
			return error;
		address += length;
		skipped = 0;
		if (address == area->vm_end)
			break;
	}
	return 0;
}

static void *swift_heap_make_address(struct heap_buffer *buffer)
{
	unsigned long count = buffer->size >> PAGE_SHIFT;
	struct page **pages = kvmalloc_array(count, sizeof(*pages), GFP_BOOKKEEPING);
	struct sg_page_iter position;
	unsigned long index = 0;
	void *address;

	if (!pages)
		return NULL;
	for_each_sgtable_page(&buffer->table, &position, 0)
		pages[index++] = sg_page_iter_page(&position);
	address = vmap(pages, count, VM_MAP, protection(buffer, PAGE_KERNEL));
	kvfree(pages);
	return address;
}

static int swift_heap_map_kernel(struct dma_buf *exported, struct iosys_map *map)
{
	struct heap_buffer *buffer = exported->priv;
	int error = 0;

	core_accessed(&buffer->core, CORE_ACCESS_KERNEL);
	mutex_lock(&buffer->lock);
	if (!buffer->address_users)
		buffer->address = swift_heap_make_address(buffer);
	if (buffer->address) {
		buffer->address_users++;
		iosys_map_set_vaddr(map, buffer->address);
	} else {
		error = -ENOMEM;
	}
	mutex_unlock(&buffer->lock);
	return error;
}

static void swift_heap_unmap_kernel(struct dma_buf *exported, struct iosys_map *map)
{
	struct heap_buffer *buffer = exported->priv;

	mutex_lock(&buffer->lock);
	if (!--buffer->address_users) {
		vunmap(buffer->address);
		buffer->address = NULL;
	}
	mutex_unlock(&buffer->lock);
	iosys_map_clear(map);
}

static void swift_heap_release(struct dma_buf *exported)
{
	buffer_released(exported->priv);
}

const struct dma_buf_ops buffer_operations = {
	.attach = swift_heap_attach,
	.detach = swift_heap_detach,
	.map_dma_buf = swift_heap_map_device,
	.unmap_dma_buf = swift_heap_unmap_device,
	.begin_cpu_access = swift_heap_begin_cpu_access,
	.end_cpu_access = swift_heap_end_cpu_access,
	.mmap = swift_heap_map_process,
	.vmap = swift_heap_map_kernel,
	.vunmap = swift_heap_unmap_kernel,
	.release = swift_heap_release,
};
