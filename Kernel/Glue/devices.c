// SPDX-License-Identifier: MIT
/*
 * The driver of heaps that the machine's device tree declares. Their memory is the kernel's contiguous memory area for
 * that region, which it lends to others while it is free.
 */
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/of_reserved_mem.h>
#include <linux/pfn.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../include/swift_dma_heaps.h"
#include "compat.h"
#include "internal.h"

static const struct of_device_id declarations[] = {
	{ .compatible = "swift-dma-heaps,region" },
	{ .compatible = "swift-dma-heaps,chunk" },
	{ .compatible = "dma_heap,chunk" },
	{}
};
MODULE_DEVICE_TABLE(of, declarations);

/*
 * A node that has been read, with its heap in the core. It stays until the module goes: buffers outlive a device's
 * binding, and who binds it again has the same heap.
 */
struct declared {
	struct device_node *node;
	struct core_region region;
	bool is_default;
	void *own;
	/* While the device is bound. */
	struct own_nodes nodes;
};

/* Of a heap that is not an alias. */
#define MOST_NAMES 8

static struct declared declared[CORE_MOST_OWN_HEAPS];
static unsigned int declared_count;
static DEFINE_MUTEX(declared_lock);

static void report(struct device_node *node, enum core_declaration_problem problem,
		   const struct core_declaration *read)
{
	static const char *const texts[CORE_DECLARATION_PROBLEMS] = {
		[CORE_DECLARATION_LACKS] = "is missing",
		[CORE_DECLARATION_HAS_LENGTH] = "is not as long as its cells, but has bytes:",
		[CORE_DECLARATION_OF_UNKNOWN_NODE] = "is no node's phandle:",
		[CORE_DECLARATION_OF_NO_REGION] = "is no 'shared-dma-pool' in /reserved-memory",
		[CORE_DECLARATION_CONTRADICTS_NO_MAP] = "and 'no-map' cannot both be",
		[CORE_DECLARATION_NO_POWER_OF_TWO] = "is no power of two of pages:",
		[CORE_DECLARATION_NO_PAGES] = "is not one or more whole pages:",
		[CORE_DECLARATION_HAS_CELLS] = "is not 1 or 2:",
		[CORE_DECLARATION_TOO_LARGE] = "is too large:",
		[CORE_DECLARATION_EXCEEDS_REGION] = "is more than the region has, bytes:",
	};

	if (read->number)
		pr_err(MODULE_NAME ": %pOF: '%s' of %pOF %s 0x%llx\n", node, read->property,
		       read->region, texts[problem], read->number);
	else
		pr_err(MODULE_NAME ": %pOF: '%s' of %pOF %s\n", node, read->property, read->region,
		       texts[problem]);
}

static bool is_taken(unsigned long first_frame)
{
	for (unsigned int index = 0; index < declared_count; index++)
		if (declared[index].region.first_frame == first_frame)
			return true;
	return false;
}

/* What a node says, and the memory that the kernel has made of its region. */
static int read_node(struct device_node *node, struct declared *next)
{
	struct core_declaration read = {};
	enum core_declaration_problem problem = core_read_declaration(node, &read);
	struct reserved_mem *memory;

	if (problem == CORE_DECLARATION_OF_NOTHING)
		return -ENODEV;
	if (problem != CORE_DECLARATION_IS_FINE) {
		report(node, problem, &read);
		return -EINVAL;
	}
	memory = of_reserved_mem_lookup(read.region);
	/* Where it is too small, or badly aligned, the kernel has made nothing of it. */
	if (!memory || !memory->priv || !memory->size) {
		pr_err(MODULE_NAME ": %pOF: the kernel has made no contiguous memory area of %pOF; see what it has said at its start\n",
		       node, read.region);
		return -ENODEV;
	}
	if (core_check_region(memory->size, read.chunk_bytes) != CORE_REGION_IS_FINE ||
	    memory->size > LARGEST_REGION) {
		pr_err(MODULE_NAME ": %pOF: %pOF has 0x%llx bytes, of which no heap can be made\n", node,
		       read.region, (unsigned long long)memory->size);
		return -EINVAL;
	}
	/* The second heap of a region goes by its own node's name. */
	next->is_default = read.is_default && !is_taken(PHYS_PFN(memory->base));
	next->region = (struct core_region){
		.name = name_keep(is_taken(PHYS_PFN(memory->base)) ? kbasename(node->full_name) : memory->name),
		.first_frame = PHYS_PFN(memory->base),
		.pages = memory->size >> PAGE_SHIFT,
		.chunk_bytes = read.chunk_bytes,
		.is_lent = true,
	};
	return next->region.name ? 0 : -ENOMEM;
}

/* Finds the node's heap, or makes it. The lock is held. */
static struct declared *heap_of_node(struct device_node *node)
{
	struct declared *next = &declared[declared_count];
	int error;

	for (unsigned int index = 0; index < declared_count; index++)
		if (declared[index].node == node)
			return &declared[index];
	error = declared_count == ARRAY_SIZE(declared) ? -ENOSPC : read_node(node, next);
	if (!error)
		error = core_add_own_heap(&next->region, &next->own);
	if (error == -ENOSPC)
		pr_err(MODULE_NAME ": %pOF: there are %d heaps already\n", node, CORE_MOST_OWN_HEAPS);
	if (error)
		return ERR_PTR(error);
	next->node = of_node_get(node);
	declared_count++;
	return next;
}

static bool is_default_name(const struct declared *found)
{
	const char *name;

	for (unsigned int index = 0; found->is_default && (name = core_default_name(index)); index++)
		if (!strcmp(name, found->region.name))
			return true;
	return false;
}

/* The heap by all its names. */
static int add_nodes(struct declared *found)
{
	const char *prefix = parameters_name_prefix();
	const char *names[MOST_NAMES];
	unsigned int count = 0;
	int error = 0;

	if (found->is_default)
		while (count < MOST_NAMES - 1 && core_default_name(count)) {
			names[count] = kasprintf(GFP_KERNEL, "%s%s", prefix, core_default_name(count));
			count++;
		}
	/* A default region's node is often called what its heap is called anyway. */
	if (!is_default_name(found))
		names[count++] = kasprintf(GFP_KERNEL, "%s%s", prefix, found->region.name);
	for (unsigned int index = 0; index < count; index++)
		if (!names[index])
			error = -ENOMEM;
	if (!error)
		error = own_nodes_add(&found->nodes, "device tree", names, count, found->own);
	while (count > 0)
		kfree(names[--count]);
	return error;
}

static int probe(struct platform_device *device)
{
	struct declared *found;
	int error;

	mutex_lock(&declared_lock);
	found = heap_of_node(device->dev.of_node);
	mutex_unlock(&declared_lock);
	if (IS_ERR(found))
		return PTR_ERR(found);
	error = add_nodes(found);
	if (error)
		return error;
	error = heap_publish(found->nodes.heaps, found->nodes.count);
	if (error) {
		own_nodes_discard(&found->nodes);
		return error;
	}
	platform_set_drvdata(device, found);
	return 0;
}

/* Buffers stay what they are, and who has a node open is told that it is gone. */
static COMPAT_REMOVE unbind(struct platform_device *device)
{
	struct declared *found = platform_get_drvdata(device);

	heap_withdraw(found->nodes.heaps, found->nodes.count);
	own_nodes_discard(&found->nodes);
	/* What is in stock is lent again. */
	core_refill_own_heap(found->own, 0, 0);
	return COMPAT_REMOVED;
}

static struct platform_driver driver = {
	.probe = probe,
	.remove = unbind,
	.driver = {
		.name = MODULE_NAME,
		.of_match_table = declarations,
	},
};

/* The kernel makes no devices of regions, so those that are heaps as well get theirs here. */
static struct platform_device *made[CORE_MOST_OWN_HEAPS];
static unsigned int made_count;
static bool is_registered;

static void make_devices(void)
{
	struct device_node *node;

	for_each_matching_node(node, declarations) {
		if (!node->parent || !glue_tree_is_reserved_memory(node->parent))
			continue;
		if (made_count == ARRAY_SIZE(made)) {
			pr_err(MODULE_NAME ": %pOF: there are %u regions already\n", node, made_count);
			continue;
		}
		/* None of what is disabled. */
		made[made_count] = of_platform_device_create(node, NULL, NULL);
		if (made[made_count])
			made_count++;
	}
}

/* The module works without them, and clients may have its other heaps by now. */
void devices_start(void)
{
	int error = platform_driver_register(&driver);

	if (error) {
		pr_err(MODULE_NAME ": heaps of the device tree: error %d\n", error);
		return;
	}
	is_registered = true;
	make_devices();
}

void devices_stop(void)
{
	if (!is_registered)
		return;
	while (made_count > 0)
		of_platform_device_destroy(&made[--made_count]->dev, NULL);
	platform_driver_unregister(&driver);
	while (declared_count > 0)
		of_node_put(declared[--declared_count].node);
}
