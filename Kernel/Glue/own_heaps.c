// SPDX-License-Identifier: MIT
/*
 * The module's own heaps. What can fail about them is done when they are made; their nodes are the last thing
 * that a starting module makes, and none can be opened before all are there (H7).
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../include/swift_dma_heaps.h"
#include "internal.h"

static const char *const own_names[] = {
	[CORE_HEAP_SYSTEM] = "system",
	[CORE_HEAP_CONTIGUOUS] = "system-contig",
};

/* In the order of publication: the one that most clients wait for comes last, see heap_publish(). */
static const enum core_heap own_kinds[] = { CORE_HEAP_CONTIGUOUS, CORE_HEAP_SYSTEM };
static struct swift_dma_heap *own_heaps[ARRAY_SIZE(own_kinds)];

static struct dma_buf *swift_heap_allocate_own(struct swift_dma_heap *heap, unsigned long length,
					       u32 flags, u64 heap_flags)
{
	return core_allocate((enum core_heap)(uintptr_t)swift_dma_heap_data(heap), heap, length,
			     flags, heap_flags);
}

static void report(const char *name, long error)
{
	const char *prefix = parameters_name_prefix();

	if (error == -ENAMETOOLONG)
		pr_err(MODULE_NAME ": name_prefix: '%s' makes '%s' of %zu bytes; a heap's name has at most %d bytes\n",
		       prefix, name, strlen(name), SWIFT_DMA_HEAP_NAME_BYTES);
	else if (error == -EINVAL)
		pr_err(MODULE_NAME ": name_prefix: '%s' has a '/', which a heap's name may not have\n",
		       prefix);
	else
		pr_err(MODULE_NAME ": heap %s: error %ld\n", name, error);
}

static struct swift_dma_heap *make(enum core_heap kind)
{
	char *name = kasprintf(GFP_KERNEL, "%s%s", parameters_name_prefix(), own_names[kind]);
	struct swift_dma_heap_info info = {
		.name = name,
		.owner = THIS_MODULE,
		.allocate = swift_heap_allocate_own,
		.data = (void *)(uintptr_t)kind,
	};
	struct swift_dma_heap *heap = name ? heap_make(&info) : ERR_PTR(-ENOMEM);

	if (IS_ERR(heap) && name)
		report(name, PTR_ERR(heap));
	kfree(name);
	return heap;
}

int own_heaps_make(void)
{
	if (IS_ENABLED(CONFIG_DMABUF_HEAPS_SYSTEM) && !*parameters_name_prefix()) {
		pr_err(MODULE_NAME ": name_prefix: this kernel has a heap 'system' of its own\n");
		return -EEXIST;
	}
	for (size_t index = 0; index < ARRAY_SIZE(own_heaps); index++) {
		struct swift_dma_heap *heap = make(own_kinds[index]);

		if (IS_ERR(heap)) {
			while (index > 0)
				heap_discard(own_heaps[--index]);
			return PTR_ERR(heap);
		}
		own_heaps[index] = heap;
	}
	return 0;
}

void own_heaps_discard(void)
{
	for (size_t index = ARRAY_SIZE(own_heaps); index > 0;)
		heap_discard(own_heaps[--index]);
}

/*
 * A module that fails to start is freed whatever its count. Whoever was just refused at a node has still to let go
 * of it; the one use that remains is the start's own.
 */
static void wait_for_the_refused(void)
{
#ifdef CONFIG_MODULE_UNLOAD
	while (module_refcount(THIS_MODULE) > 1)
		msleep(1);
#endif
}

int own_heaps_publish(void)
{
	int error = heap_publish(own_heaps, ARRAY_SIZE(own_heaps));

	if (error) {
		pr_err(MODULE_NAME ": nodes in /dev/dma_heap: error %d\n", error);
		wait_for_the_refused();
	}
	return error;
}

void own_heaps_withdraw(void)
{
	heap_withdraw(own_heaps, ARRAY_SIZE(own_heaps));
}
