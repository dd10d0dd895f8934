// SPDX-License-Identifier: MIT
/* Heaps and their nodes, of this module and of others (H1, H2). */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "../include/swift_dma_heaps.h"
#include "internal.h"

struct swift_dma_heap {
	struct miscdevice device;
	struct swift_dma_heap_info info;
	/* The core's own heap, else NULL: then the info has a function. */
	void *own;
	/* Whether its node can be opened: not before all is there that comes up together with it (H7). */
	bool is_live;
	/* Whether its owner wants to hear of no more requests. */
	bool is_removed;
	/* The owner's, one for each open node, and one for each who found it by name. */
	struct kref references;
	/* Among those that can be found. */
	struct list_head siblings;
	/* Requests that are under way. */
	struct srcu_struct requests;
};

/* What has a node; see swift_dma_heap_find(). */
static LIST_HEAD(heaps_found);
static DEFINE_MUTEX(heaps_lock);

static void free_heap(struct swift_dma_heap *heap)
{
	cleanup_srcu_struct(&heap->requests);
	kfree(heap->device.nodename);
	kfree(heap->device.name);
	kfree(heap);
}

static void heap_unused(struct kref *references)
{
	free_heap(container_of(references, struct swift_dma_heap, references));
}

/* Requests. */

/* A removed heap's owner may be gone, so only a request that began before the removal may call it. */
static struct dma_buf *call_owner(struct swift_dma_heap *heap, unsigned long length,
				  unsigned int flags, unsigned long long heap_flags)
{
	struct module *owner = heap->info.owner;
	struct dma_buf *buffer;

	/* An owner whose unloading has begun is not called, whatever it does before it removes the heap. */
	if (READ_ONCE(heap->is_removed) || !try_module_get(owner))
		return ERR_PTR(-ENODEV);
	buffer = heap->info.allocate(heap, length, flags, heap_flags);
	module_put(owner);
	if (WARN_ONCE(!buffer, MODULE_NAME ": heap %s: neither a buffer nor an error\n", heap->info.name))
		return ERR_PTR(-ENOMEM);
	return buffer;
}

struct dma_buf *glue_call_heap(struct swift_dma_heap *heap, unsigned long length,
			       unsigned int flags, unsigned long long heap_flags)
{
	/* Pairs with synchronize_srcu() in heap_discard(). */
	int request = srcu_read_lock(&heap->requests);
	struct dma_buf *buffer = call_owner(heap, length, flags, heap_flags);

	srcu_read_unlock(&heap->requests, request);
	return buffer;
}

struct swift_dma_heap *heap_of_device(struct device *device)
{
	struct miscdevice *misc = dev_get_drvdata(device);

	return container_of(misc, struct swift_dma_heap, device);
}

void *glue_own_heap(const struct swift_dma_heap *heap)
{
	return heap->own;
}

const char *glue_heap_name(const struct swift_dma_heap *heap)
{
	return heap->info.name;
}

/* The node. */

/* misc_open() keeps the device from being removed meanwhile. */
static int swift_heap_open(struct inode *inode, struct file *file)
{
	struct miscdevice *device = file->private_data;
	struct swift_dma_heap *heap = container_of(device, struct swift_dma_heap, device);

	/* Pairs with heap_publish(). */
	if (!smp_load_acquire(&heap->is_live))
		return -ENODEV;
	kref_get(&heap->references);
	file->private_data = heap;
	return nonseekable_open(inode, file);
}

static int swift_heap_close(struct inode *inode, struct file *file)
{
	struct swift_dma_heap *heap = file->private_data;

	kref_put(&heap->references, heap_unused);
	return 0;
}

static long swift_heap_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct swift_dma_heap *heap = file->private_data;

	/* Whatever is asked of it; what comes too late to be seen here is seen before the owner is called. */
	if (READ_ONCE(heap->is_removed))
		return -ENODEV;
	return core_ioctl(heap, command, argument);
}

static const struct file_operations heap_operations = {
	.owner = THIS_MODULE,
	.open = swift_heap_open,
	.release = swift_heap_close,
	.unlocked_ioctl = swift_heap_ioctl,
	/* The structure has no pointers and the same layout in 32 bits. */
	.compat_ioctl = compat_ptr_ioctl,
};

/* Registration. */

struct swift_dma_heap *heap_make(const struct swift_dma_heap_info *info, void *own)
{
	struct swift_dma_heap *heap = kzalloc(sizeof(*heap), GFP_KERNEL);
	int error = -ENOMEM;

	if (!heap)
		return ERR_PTR(-ENOMEM);
	if (init_srcu_struct(&heap->requests)) {
		kfree(heap);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&heap->references);
	INIT_LIST_HEAD(&heap->siblings);
	heap->info = *info;
	heap->own = own;
	heap->device.minor = MISC_DYNAMIC_MINOR;
	heap->device.name = kasprintf(GFP_KERNEL, "swift_dma_heap-%s", info->name);
	heap->device.nodename = kasprintf(GFP_KERNEL, "dma_heap/%s", info->name);
	heap->device.fops = &heap_operations;
	heap->device.groups = limits_heap_groups;
	if (heap->device.name && heap->device.nodename)
		error = core_register(heap);
	if (error)
		goto no_name;
	/* What is no name is not kept. */
	heap->info.name = name_keep(info->name);
	if (!heap->info.name) {
		heap->info.name = info->name;
		core_unregister(heap);
		error = -ENOMEM;
		goto no_name;
	}
	return heap;

no_name:
	free_heap(heap);
	return ERR_PTR(error);
}

void heap_discard(struct swift_dma_heap *heap)
{
	WRITE_ONCE(heap->is_removed, true);
	/* Requests that began before may still call the owner; later ones see the mark. */
	synchronize_srcu(&heap->requests);
	core_unregister(heap);
	kref_put(&heap->references, heap_unused);
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
	mutex_lock(&heaps_lock);
	for (size_t index = 0; index < count; index++) {
		smp_store_release(&heaps[index]->is_live, true);
		list_add(&heaps[index]->siblings, &heaps_found);
	}
	mutex_unlock(&heaps_lock);
	return 0;
}

void heap_withdraw(struct swift_dma_heap *const *heaps, size_t count)
{
	mutex_lock(&heaps_lock);
	for (size_t index = 0; index < count; index++)
		list_del_init(&heaps[index]->siblings);
	mutex_unlock(&heaps_lock);
	while (count > 0)
		misc_deregister(&heaps[--count]->device);
}

/* For other modules. */

struct swift_dma_heap *swift_dma_heap_add(const struct swift_dma_heap_info *info)
{
	struct swift_dma_heap *heap;
	int error;

	if (WARN_ONCE(!info || !info->name || !info->allocate,
		      MODULE_NAME ": a heap without a name or a way to allocate\n"))
		return ERR_PTR(-EINVAL);
	heap = heap_make(info, NULL);
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

/* Takes a heap off the list, which tells whether it is there; it may be no heap at all. */
static bool hide(struct swift_dma_heap *heap)
{
	struct swift_dma_heap *other;
	bool is_there = false;

	mutex_lock(&heaps_lock);
	list_for_each_entry(other, &heaps_found, siblings)
		if (other == heap) {
			list_del_init(&heap->siblings);
			is_there = true;
			break;
		}
	mutex_unlock(&heaps_lock);
	return is_there;
}

void swift_dma_heap_remove(struct swift_dma_heap *heap)
{
	if (WARN_ONCE(!hide(heap), MODULE_NAME ": no such heap is to be removed\n"))
		return;
	heap_withdraw(&heap, 1);
	heap_discard(heap);
}
EXPORT_SYMBOL_GPL(swift_dma_heap_remove);

struct swift_dma_heap *swift_dma_heap_find(const char *name)
{
	struct swift_dma_heap *heap, *found = NULL;

	if (WARN_ONCE(!name, MODULE_NAME ": a heap without a name is looked for\n"))
		return NULL;
	mutex_lock(&heaps_lock);
	list_for_each_entry(heap, &heaps_found, siblings)
		if (!strcmp(heap->info.name, name)) {
			kref_get(&heap->references);
			found = heap;
			break;
		}
	mutex_unlock(&heaps_lock);
	return found;
}
EXPORT_SYMBOL_GPL(swift_dma_heap_find);

struct dma_buf *swift_dma_heap_alloc(struct swift_dma_heap *heap, unsigned long length, u32 flags,
				     u64 heap_flags)
{
	if (WARN_ONCE(IS_ERR_OR_NULL(heap), MODULE_NAME ": no heap is asked for a buffer\n"))
		return ERR_PTR(-EINVAL);
	if (READ_ONCE(heap->is_removed))
		return ERR_PTR(-ENODEV);
	return core_request(heap, length, flags, heap_flags);
}
EXPORT_SYMBOL_GPL(swift_dma_heap_alloc);

void swift_dma_heap_put(struct swift_dma_heap *heap)
{
	if (!WARN_ONCE(IS_ERR_OR_NULL(heap), MODULE_NAME ": no heap is put\n"))
		kref_put(&heap->references, heap_unused);
}
EXPORT_SYMBOL_GPL(swift_dma_heap_put);

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
