// SPDX-License-Identifier: MIT
/* Heaps and their nodes: the module's own, and those that other modules add (H1, H2). */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../include/swift_dma_heaps.h"
#include "internal.h"

struct swift_dma_heap {
	struct miscdevice device;
	struct swift_dma_heap_info info;
};

/* Requests: what the core does with the caller's memory and descriptors. */

unsigned long glue_copy_from_user(void *to, unsigned long from, unsigned long size)
{
	return copy_from_user(to, (const void __user *)from, size);
}

unsigned long glue_copy_to_user(unsigned long to, const void *from, unsigned long size)
{
	return copy_to_user((void __user *)to, from, size);
}

int glue_reserve_descriptor(unsigned int flags)
{
	return get_unused_fd_flags(flags);
}

void glue_cancel_descriptor(int descriptor)
{
	put_unused_fd(descriptor);
}

void glue_install_descriptor(int descriptor, struct dma_buf *buffer)
{
	fd_install(descriptor, buffer->file);
}

void glue_drop(struct dma_buf *buffer)
{
	dma_buf_put(buffer);
}

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
	struct open_heap *opened = kmalloc(sizeof(*opened), GFP_KERNEL);

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

struct swift_dma_heap *swift_dma_heap_add(const struct swift_dma_heap_info *info)
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
	if (!heap->info.name || !heap->device.name || !heap->device.nodename)
		goto no_heap;
	error = core_register(heap);
	if (error)
		goto no_heap;
	error = misc_register(&heap->device);
	if (error)
		goto no_device;
	return heap;

no_device:
	core_unregister(heap);
no_heap:
	free_heap(heap);
	return ERR_PTR(error);
}
EXPORT_SYMBOL_GPL(swift_dma_heap_add);

void swift_dma_heap_remove(struct swift_dma_heap *heap)
{
	misc_deregister(&heap->device);
	core_unregister(heap);
	free_heap(heap);
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

/* The module's own heaps. */

static const char *const own_names[] = {
	[CORE_HEAP_SYSTEM] = "system",
	[CORE_HEAP_CONTIGUOUS] = "system-contig",
};
static struct swift_dma_heap *own_heaps[ARRAY_SIZE(own_names)];

static struct dma_buf *allocate_own(struct swift_dma_heap *heap, unsigned long length, u32 flags,
				    u64 heap_flags)
{
	return core_allocate((enum core_heap)(uintptr_t)swift_dma_heap_data(heap), heap, length,
			     flags);
}

static struct swift_dma_heap *add_own(enum core_heap kind)
{
	char *name = kasprintf(GFP_KERNEL, "%s%s", parameters_name_prefix(), own_names[kind]);
	struct swift_dma_heap_info info = {
		.name = name,
		.owner = THIS_MODULE,
		.allocate = allocate_own,
		.data = (void *)(uintptr_t)kind,
	};
	struct swift_dma_heap *heap = name ? swift_dma_heap_add(&info) : ERR_PTR(-ENOMEM);

	if (IS_ERR(heap) && name)
		pr_err(MODULE_NAME ": heap %s: error %ld\n", name, PTR_ERR(heap));
	kfree(name);
	return heap;
}

int heap_start(void)
{
	if (IS_ENABLED(CONFIG_DMABUF_HEAPS_SYSTEM) && !*parameters_name_prefix()) {
		pr_err(MODULE_NAME ": name_prefix: this kernel has a heap 'system' of its own\n");
		return -EEXIST;
	}
	for (enum core_heap kind = 0; kind < ARRAY_SIZE(own_heaps); kind++) {
		struct swift_dma_heap *heap = add_own(kind);

		if (IS_ERR(heap)) {
			while (kind > 0)
				swift_dma_heap_remove(own_heaps[--kind]);
			return PTR_ERR(heap);
		}
		own_heaps[kind] = heap;
	}
	return 0;
}

void heap_stop(void)
{
	for (size_t kind = ARRAY_SIZE(own_heaps); kind > 0;)
		swift_dma_heap_remove(own_heaps[--kind]);
}
