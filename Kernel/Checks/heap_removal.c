// SPDX-License-Identifier: MIT
/*
 * A heap is removed while a client has its node open: that waits for nobody, the client's later requests fail with
 * ENODEV, and buffers keep the heap's name.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-heap.h>

#include "../Glue/compat.h"
#include "expect.h"
#include "swift_dma_heaps.h"

#define NAME "to-be-removed-while-it-is-used"

static struct sg_table *map_device(struct dma_buf_attachment *attachment,
				   enum dma_data_direction direction)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void unmap_device(struct dma_buf_attachment *attachment, struct sg_table *table,
			 enum dma_data_direction direction)
{
}

static void release(struct dma_buf *buffer)
{
}

/* A buffer needs no memory to have a name. */
static const struct dma_buf_ops operations = {
	.map_dma_buf = map_device,
	.unmap_dma_buf = unmap_device,
	.release = release,
};

static struct dma_buf *last;

static struct dma_buf *allocate(struct swift_dma_heap *heap, unsigned long length, u32 flags,
				u64 heap_flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *buffer;

	info.exp_name = swift_dma_heap_name(heap);
	info.ops = &operations;
	info.size = length;
	info.flags = flags;
	info.priv = heap;
	buffer = dma_buf_export(&info);
	if (!IS_ERR(buffer)) {
		get_dma_buf(buffer);
		last = buffer;
	}
	return buffer;
}

static struct swift_dma_heap *add(void)
{
	struct swift_dma_heap_info info = {
		.name = NAME,
		.owner = THIS_MODULE,
		.allocate = allocate,
	};

	return swift_dma_heap_add(&info);
}

/* Asks an open node for a buffer, as a client does; returns what the client gets. */
static long request(struct file *node)
{
	struct dma_heap_allocation_data data = { .len = PAGE_SIZE };
	unsigned long place = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, 0);
	long result = -EFAULT;

	if (IS_ERR_VALUE(place))
		return -ENOMEM;
	if (!copy_to_user((void __user *)place, &data, sizeof(data)))
		result = node->f_op->unlocked_ioctl(node, DMA_HEAP_IOCTL_ALLOC, place);
	/* The descriptor goes with the process that loads this module; the buffer stays, in 'last'. */
	vm_munmap(place, PAGE_SIZE);
	return result;
}

/* Overwrites what was freed just now. */
static void churn(void)
{
	for (unsigned int index = 0; index < 512; index++) {
		void *objects[4];

		for (unsigned int size = 0; size < ARRAY_SIZE(objects); size++) {
			objects[size] = kmalloc(16u << size, GFP_KERNEL);
			if (objects[size])
				memset(objects[size], 'x', 16u << size);
		}
		for (unsigned int size = 0; size < ARRAY_SIZE(objects); size++)
			kfree(objects[size]);
	}
}

static void remove_under_client(void)
{
	struct swift_dma_heap *heap = add();
	struct dma_buf *buffer;
	struct file *node;

	if (IS_ERR(heap)) {
		EXPECT(false, "the heap is not added: %ld", PTR_ERR(heap));
		return;
	}
	node = filp_open("/dev/dma_heap/" NAME, O_RDWR, 0);
	if (IS_ERR(node)) {
		EXPECT(false, "the node does not open: %ld", PTR_ERR(node));
		swift_dma_heap_remove(heap);
		return;
	}
	EXPECT(request(node) == 0, "no buffer of a live heap");
	buffer = last;
	last = NULL;
	swift_dma_heap_remove(heap);
	churn();
	EXPECT(request(node) == -ENODEV, "a removed heap does not say so");
	EXPECT(!last, "a removed heap was asked for a buffer");
	if (buffer) {
		EXPECT(!strcmp(buffer->exp_name, NAME), "the buffer's heap is '%.30s'",
		       buffer->exp_name);
		dma_buf_put(buffer);
	}

	/* The name is free again, though the client still has the old node. */
	heap = add();
	EXPECT(!IS_ERR(heap), "the name of a removed heap is not free");
	EXPECT(request(node) == -ENODEV, "an old node leads to the new heap");
	fput(node);
	if (!IS_ERR(heap))
		swift_dma_heap_remove(heap);
}

static int __init heap_removal_init(void)
{
	remove_under_client();
	return 0;
}

static void __exit heap_removal_exit(void)
{
}

module_init(heap_removal_init);
module_exit(heap_removal_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_AUTHOR("The swift-dma-heaps authors");
MODULE_DESCRIPTION("Removes a heap while it is used");
COMPAT_IMPORT_DMA_BUF;
