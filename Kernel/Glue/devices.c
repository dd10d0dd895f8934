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

/* Of a heap, without the administrator's aliases. */
#define MOST_NAMES 8

/*
 * A node that has been read, with its heap in the core. It stays until the module goes: buffers outlive a device's
 * binding, and who binds it again has the same heap.
 */
struct declared {
	struct device_node *node;
	struct core_region region;
	/* Behind the module's prefix. */
	const char *names[MOST_NAMES];
	unsigned int name_count;
	void *own;
	/* While the device is bound. */
	struct own_nodes nodes;
};

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

static int add_name(struct declared *next, const char *text)
{
	char *name = kasprintf(GFP_KERNEL, "%s%s", parameters_name_prefix(), text);
	const char *kept = name ? name_keep(name) : NULL;

	kfree(name);
	if (!kept)
		return -ENOMEM;
	next->names[next->name_count++] = kept;
	return 0;
}

static int add_names(struct declared *next, const struct core_declaration *read, bool is_first,
		     const char *node, const char *region)
{
	const char *text;
	int error = 0;

	next->name_count = 0;
	while (!error && next->name_count < MOST_NAMES &&
	       (text = core_declared_name(read, is_first, node, region, next->name_count)))
		error = add_name(next, text);
	return error;
}

/* What a node says, and the memory that the kernel has made of its region. */
static int read_node(struct device_node *node, struct declared *next)
{
	struct core_declaration read = {};
	enum core_declaration_problem problem = core_read_declaration(node, &read);
	const char *name = kbasename(node->full_name);
	struct reserved_mem *memory;
	bool is_first;

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
	is_first = !is_taken(PHYS_PFN(memory->base));
	next->region = (struct core_region){
		.name = name_keep(is_first ? memory->name : name),
		.first_frame = PHYS_PFN(memory->base),
		.pages = memory->size >> PAGE_SHIFT,
		.chunk_bytes = read.chunk_bytes,
		.is_lent = true,
	};
	if (!next->region.name)
		return -ENOMEM;
	return add_names(next, &read, is_first, name, memory->name);
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

/* What is in stock is lent again. */
static void discard_nodes(struct declared *found)
{
	own_nodes_discard(&found->nodes);
	core_refill_own_heap(found->own, 0, 0);
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
	error = own_nodes_add(&found->nodes, "device tree", found->names, found->name_count, found->own);
	if (!error)
		error = heap_publish(found->nodes.heaps, found->nodes.count);
	if (error) {
		discard_nodes(found);
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
	discard_nodes(found);
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
