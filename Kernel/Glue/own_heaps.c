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

static struct swift_dma_heap **own_heaps;
static unsigned int own_heap_count;

static void report_region(const char *name, long error)
{
	if (error == -ENAMETOOLONG)
		pr_err(MODULE_NAME ": region: '%s' has %zu bytes; a heap's name has at most %d bytes\n",
		       name, strlen(name), SWIFT_DMA_HEAP_NAME_BYTES);
	else if (error == -EINVAL)
		pr_err(MODULE_NAME ": region: '%s' cannot be a heap's name\n", name);
	else if (error == -EEXIST)
		pr_err(MODULE_NAME ": region: there are two heaps '%s'\n", name);
	else
		pr_err(MODULE_NAME ": region: heap %s: error %ld\n", name, error);
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
	else if (error == -EEXIST)
		pr_err(MODULE_NAME ": name_prefix: '%s' makes '%s', which a region's heap is called\n",
		       prefix, name);
	else
		pr_err(MODULE_NAME ": heap %s: error %ld\n", name, error);
}

static struct swift_dma_heap *make(const char *name, void *own)
{
	struct swift_dma_heap_info info = {
		.name = name,
		.owner = THIS_MODULE,
	};

	return heap_make(&info, own);
}

struct swift_dma_heap *own_heap_make(const struct core_region *region, void *own)
{
	struct swift_dma_heap *heap = make(region->name, own);

	if (IS_ERR(heap))
		report_region(region->name, PTR_ERR(heap));
	return heap;
}

static struct swift_dma_heap *make_of_region(const struct core_region *region)
{
	void *own;
	int error = core_add_own_heap(region, &own);

	if (error) {
		report_region(region->name, error);
		return ERR_PTR(error);
	}
	return own_heap_make(region, own);
}

static struct swift_dma_heap *make_of_core(unsigned int index)
{
	char *name = kasprintf(GFP_KERNEL, "%s%s", parameters_name_prefix(), core_own_heap_name(index));
	struct swift_dma_heap *heap = name ? make(name, core_own_heap(index)) : ERR_PTR(-ENOMEM);

	if (IS_ERR(heap) && name)
		report(name, PTR_ERR(heap));
	kfree(name);
	return heap;
}

/* Those of regions first: clients wait for the core's last. */
int own_heaps_make(void)
{
	const struct core_region *regions;
	unsigned int region_count = regions_taken(&regions);
	unsigned int count = region_count + core_own_heap_count();

	if (IS_ENABLED(CONFIG_DMABUF_HEAPS_SYSTEM) && !*parameters_name_prefix()) {
		pr_err(MODULE_NAME ": name_prefix: this kernel has a heap 'system' of its own\n");
		return -EEXIST;
	}
	own_heaps = kcalloc(count, sizeof(*own_heaps), GFP_KERNEL);
	if (!own_heaps)
		return -ENOMEM;
	for (own_heap_count = 0; own_heap_count < count; own_heap_count++) {
		unsigned int index = own_heap_count;
		struct swift_dma_heap *heap = index < region_count ?
						      make_of_region(&regions[index]) :
						      make_of_core(index - region_count);

		if (IS_ERR(heap)) {
			own_heaps_discard();
			return PTR_ERR(heap);
		}
		own_heaps[own_heap_count] = heap;
	}
	return 0;
}

void own_heaps_discard(void)
{
	while (own_heap_count > 0)
		heap_discard(own_heaps[--own_heap_count]);
	kfree(own_heaps);
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
	int error = heap_publish(own_heaps, own_heap_count);

	if (error) {
		pr_err(MODULE_NAME ": nodes in /dev/dma_heap: error %d\n", error);
		wait_for_the_refused();
	}
	return error;
}

void own_heaps_withdraw(void)
{
	heap_withdraw(own_heaps, own_heap_count);
}
