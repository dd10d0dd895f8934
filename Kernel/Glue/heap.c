// SPDX-License-Identifier: MIT
/* Heaps and their nodes, of this module and of others (H1, H2). */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../include/swift_dma_heaps.h"
#include "internal.h"

struct swift_dma_heap {
	struct miscdevice device;
	struct swift_dma_heap_info info;
	/* Whether its node can be opened: not before all is there that comes up together with it (H7). */
	bool is_live;
};

struct dma_buf *glue_call_heap(struct swift_dma_heap *heap, unsigned long length,
			       unsigned int flags, unsigned long long heap_flags)
{
	return heap->info.allocate(heap, length, flags, heap_flags);
}

const char *glue_heap_name(const struct swift_dma_heap *heap)
{
	return heap->info.name;
}

/* The node. */

/* What an open node keeps: its heap, and the core's use of it. */
struct open_heap {
	struct swift_dma_heap *heap;
	void *use;
};

/* misc_open() keeps the device from being removed meanwhile. */
static int heap_open(struct inode *inode, struct file *file)
{
	struct miscdevice *device = file->private_data;
	struct swift_dma_heap *heap = container_of(device, struct swift_dma_heap, device);
	struct open_heap *opened;

	/* Pairs with heap_publish(). */
	if (!smp_load_acquire(&heap->is_live))
		return -ENODEV;
	opened = kmalloc(sizeof(*opened), GFP_KERNEL);
	if (!opened)
		return -ENOMEM;
	if (!try_module_get(heap->info.owner)) {
		kfree(opened);
		return -ENODEV;
	}
	opened->heap = heap;
	opened->use = core_open(heap);
	if (!opened->use) {
		module_put(heap->info.owner);
		kfree(opened);
		return -ENODEV;
	}
	file->private_data = opened;
	return nonseekable_open(inode, file);
}

static int heap_close(struct inode *inode, struct file *file)
{
	struct open_heap *opened = file->private_data;
	struct module *owner = opened->heap->info.owner;

	core_close(opened->use);
	kfree(opened);
	module_put(owner);
	return 0;
}

static long heap_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct open_heap *opened = file->private_data;

	return core_ioctl(opened->heap, command, argument);
}

static const struct file_operations heap_operations = {
	.owner = THIS_MODULE,
	.open = heap_open,
	.release = heap_close,
	.unlocked_ioctl = heap_ioctl,
	/* The structure has no pointers and the same layout in 32 bits. */
	.compat_ioctl = compat_ptr_ioctl,
};

/* Registration. */

static void free_heap(struct swift_dma_heap *heap)
{
	kfree(heap->device.nodename);
	kfree(heap->device.name);
	kfree(heap->info.name);
	kfree(heap);
}

struct swift_dma_heap *heap_make(const struct swift_dma_heap_info *info)
{
	struct swift_dma_heap *heap = kzalloc(sizeof(*heap), GFP_KERNEL);
	int error = -ENOMEM;

	if (!heap)
		return ERR_PTR(-ENOMEM);
	heap->info = *info;
	heap->info.name = kstrdup(info->name, GFP_KERNEL);
	heap->device.minor = MISC_DYNAMIC_MINOR;
	heap->device.name = kasprintf(GFP_KERNEL, "swift_dma_heap-%s", info->name);
	heap->device.nodename = kasprintf(GFP_KERNEL, "dma_heap/%s", info->name);
	heap->device.fops = &heap_operations;
	if (heap->info.name && heap->device.name && heap->device.nodename)
		error = core_register(heap);
	if (error) {
		free_heap(heap);
		return ERR_PTR(error);
	}
	return heap;
}

void heap_discard(struct swift_dma_heap *heap)
{
	core_unregister(heap);
	free_heap(heap);
}

int heap_publish(struct swift_dma_heap *const *heaps, size_t count)
{
	for (size_t index = 0; index < count; index++) {
		int error;

		/* The last node cannot fail once it is there, so whoever waits for it may have it at once. */
		heaps[index]->is_live = index == count - 1;
		error = misc_register(&heaps[index]->device);
		if (error) {
			heap_withdraw(heaps, index);
			return error;
		}
	}
	for (size_t index = 0; index < count; index++)
		smp_store_release(&heaps[index]->is_live, true);
	return 0;
}

void heap_withdraw(struct swift_dma_heap *const *heaps, size_t count)
{
	while (count > 0)
		misc_deregister(&heaps[--count]->device);
}

struct swift_dma_heap *swift_dma_heap_add(const struct swift_dma_heap_info *info)
{
	struct swift_dma_heap *heap = heap_make(info);
	int error;

	if (IS_ERR(heap))
		return heap;
	error = heap_publish(&heap, 1);
	if (error) {
		heap_discard(heap);
		return ERR_PTR(error);
	}
	return heap;
}
EXPORT_SYMBOL_GPL(swift_dma_heap_add);

void swift_dma_heap_remove(struct swift_dma_heap *heap)
{
	heap_withdraw(&heap, 1);
	heap_discard(heap);
}
EXPORT_SYMBOL_GPL(swift_dma_heap_remove);

void *swift_dma_heap_data(const struct swift_dma_heap *heap)
{
	return heap->info.data;
}
EXPORT_SYMBOL_GPL(swift_dma_heap_data);

const char *swift_dma_heap_name(const struct swift_dma_heap *heap)
{
	return heap->info.name;
}
EXPORT_SYMBOL_GPL(swift_dma_heap_name);
