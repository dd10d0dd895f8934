// SPDX-License-Identifier: MIT
/*
 * The module's own heaps and the names that each goes by: its own, and what the administrator adds. What can fail about
 * them is done when they are made; their nodes are the last thing that a starting module makes, and none can be opened
 * before all are there (H7).
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../include/swift_dma_heaps.h"
#include "internal.h"

#define MOST_ALIASES 8

static char *alias[MOST_ALIASES];
static unsigned int alias_count;
module_param_array(alias, charp, &alias_count, 0444);
MODULE_PARM_DESC(alias,
		 "name:heap, one more name for one of this module's heaps (example: vidbuf_cached:camera)");

static bool is_used[MOST_ALIASES];

static int check_aliases(void)
{
	for (unsigned int index = 0; index < alias_count; index++) {
		const char *colon = strchr(alias[index], ':');

		if (!colon || colon == alias[index] || !colon[1] || strchr(colon + 1, ':')) {
			pr_err(MODULE_NAME ": alias: '%s' is not name:heap\n", alias[index]);
			return -EINVAL;
		}
	}
	return 0;
}

void aliases_report(void)
{
	for (unsigned int index = 0; index < alias_count; index++)
		if (!is_used[index])
			pr_warn(MODULE_NAME ": alias: '%s': there is no such heap yet\n", alias[index]);
}

static void report(const char *parameter, const char *name, long error)
{
	if (error == -ENAMETOOLONG)
		pr_err(MODULE_NAME ": %s: '%s' has %zu bytes; a heap's name has at most %d bytes\n",
		       parameter, name, strlen(name), SWIFT_DMA_HEAP_NAME_BYTES);
	else if (error == -EINVAL)
		pr_err(MODULE_NAME ": %s: '%s' cannot be a heap's name: it is nothing, '.', '..', or has a '/'\n",
		       parameter, name);
	else if (error == -EEXIST)
		pr_err(MODULE_NAME ": %s: there are two heaps '%s'\n", parameter, name);
	else
		pr_err(MODULE_NAME ": %s: heap '%s': error %ld\n", parameter, name, error);
}

/* One more node of the heap. */
static int add(struct own_nodes *nodes, const char *parameter, const char *name, void *own)
{
	struct swift_dma_heap_info info = {
		.name = name,
		.owner = THIS_MODULE,
	};
	struct swift_dma_heap *heap;

	if (nodes->count == ARRAY_SIZE(nodes->heaps))
		return -ENOSPC;
	heap = heap_make(&info, own);
	if (IS_ERR(heap)) {
		report(parameter, name, PTR_ERR(heap));
		return PTR_ERR(heap);
	}
	nodes->heaps[nodes->count++] = heap;
	return 0;
}

static int add_aliases(struct own_nodes *nodes, const char *heap, void *own)
{
	for (unsigned int index = 0; index < alias_count; index++) {
		size_t length = strcspn(alias[index], ":");
		char *name;
		int error;

		if (strcmp(alias[index] + length + 1, heap))
			continue;
		name = kstrndup(alias[index], length, GFP_KERNEL);
		error = name ? add(nodes, "alias", name, own) : -ENOMEM;
		kfree(name);
		if (error)
			return error;
		is_used[index] = true;
	}
	return 0;
}

static int add_all(struct own_nodes *nodes, const char *parameter, const char *const *names,
		   unsigned int count, void *own)
{
	int error = 0;

	for (unsigned int index = 0; index < count && !error; index++)
		error = add(nodes, parameter, names[index], own);
	for (unsigned int index = 0; index < count && !error; index++)
		error = add_aliases(nodes, names[index], own);
	for (unsigned int index = 0; index < count && !error; index++)
		error = stock_set(names[index], own);
	return error;
}

int own_nodes_add(struct own_nodes *nodes, const char *parameter, const char *const *names,
		  unsigned int count, void *own)
{
	unsigned int before = nodes->count;
	int error = add_all(nodes, parameter, names, count, own);

	while (error && nodes->count > before)
		heap_discard(nodes->heaps[--nodes->count]);
	return error;
}

void own_nodes_discard(struct own_nodes *nodes)
{
	while (nodes->count > 0)
		heap_discard(nodes->heaps[--nodes->count]);
}

/* The heaps that the module starts with. */

static struct own_nodes own;

static int add_region(const struct core_region *region)
{
	void *heap;
	int error = core_add_own_heap(region, &heap);

	if (error)
		report("region", region->name, error);
	return error ? error : own_nodes_add(&own, "region", &region->name, 1, heap);
}

static int add_core_heap(unsigned int index)
{
	const char *name = kasprintf(GFP_KERNEL, "%s%s", parameters_name_prefix(), core_own_heap_name(index));
	int error = name ? own_nodes_add(&own, "name_prefix", &name, 1, core_own_heap(index)) : -ENOMEM;

	kfree(name);
	return error;
}

/* Those of regions first: clients wait for the core's last. */
int own_heaps_make(void)
{
	const struct core_region *regions;
	unsigned int region_count = regions_taken(&regions);
	unsigned int core_count = core_own_heap_count();
	int error;

	if (IS_ENABLED(CONFIG_DMABUF_HEAPS_SYSTEM) && !*parameters_name_prefix()) {
		pr_err(MODULE_NAME ": name_prefix: this kernel has a heap 'system' of its own\n");
		return -EEXIST;
	}
	error = check_aliases();
	for (unsigned int index = 0; index < region_count && !error; index++)
		error = add_region(&regions[index]);
	for (unsigned int index = 0; index < core_count && !error; index++)
		error = add_core_heap(index);
	if (error)
		own_heaps_discard();
	return error;
}

void own_heaps_discard(void)
{
	own_nodes_discard(&own);
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
	int error = heap_publish(own.heaps, own.count);

	if (error) {
		pr_err(MODULE_NAME ": nodes in /dev/dma_heap: error %d\n", error);
		wait_for_the_refused();
	}
	return error;
}

void own_heaps_withdraw(void)
{
	heap_withdraw(own.heaps, own.count);
}
