// SPDX-License-Identifier: MIT
/* Reading and writing a buffer: as a device does, by its addresses, and as the kernel does, through a mapping. */
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

static int move(enum importer_device which, dma_addr_t address, void *page, size_t size,
		bool is_write)
{
	void *memory;

	if (which == IMPORTER_EDU)
		return edu_transfer(address, page, size, is_write);
	memory = devices_memory(which, address);
	if (is_write)
		memcpy(memory, page, size);
	else
		memcpy(page, memory, size);
	return 0;
}

/* At most what is left of a page of ours and of the device's entry. */
static long move_next(enum importer_device which, struct scatterlist *entry, u64 skipped,
		      u64 length, void *page, void __user *memory, bool is_write)
{
	size_t size = min3((u64)PAGE_SIZE, length, sg_dma_len(entry) - skipped);
	int error;

	if (is_write && copy_from_user(page, memory, size))
		return -EFAULT;
	error = move(which, sg_dma_address(entry) + skipped, page, size, is_write);
	if (error)
		return error;
	if (!is_write && copy_to_user(memory, page, size))
		return -EFAULT;
	return size;
}

long transfer_by_device(enum importer_device which, struct sg_table *table,
			const struct importer_request *request, bool is_write)
{
	void __user *memory = u64_to_user_ptr(request->memory);
	u64 skipped = request->offset, length = request->length;
	void *page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	struct scatterlist *entry;
	unsigned int index;
	long moved = 0;

	if (!page)
		return -ENOMEM;
	for_each_sgtable_dma_sg(table, entry, index) {
		while (length && skipped < sg_dma_len(entry)) {
			moved = move_next(which, entry, skipped, length, page, memory, is_write);
			if (moved < 0)
				goto end;
			skipped += moved;
			length -= moved;
			memory += moved;
		}
		skipped -= min_t(u64, skipped, sg_dma_len(entry));
	}
	/* What the device has is shorter than the buffer. */
	moved = length ? -ENXIO : 0;
end:
	kfree(page);
	return moved;
}

long transfer_by_cpu(void *address, size_t size, const struct importer_request *request,
		     bool is_write)
{
	void __user *memory = u64_to_user_ptr(request->memory);

	if (request->offset > size || request->length > size - request->offset)
		return -ENXIO;
	address += request->offset;
	if (is_write)
		return copy_from_user(address, memory, request->length) ? -EFAULT : 0;
	return copy_to_user(memory, address, request->length) ? -EFAULT : 0;
}
