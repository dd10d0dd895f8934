// SPDX-License-Identifier: MIT
/*
 * Heaps that the machine's device tree declares, and the kernel's tree as the core reads it. They are found when the
 * module is loaded; their memory is the kernel's contiguous memory area for that region, which it lends to others
 * while it is free.
 */
#include <linux/module.h>
#include <linux/mod_devicetable.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

static const struct of_device_id declarations[] = {
	{ .compatible = "swift-dma-heaps,region" },
	{ .compatible = "swift-dma-heaps,chunk" },
	{ .compatible = "dma_heap,chunk" },
	{}
};
MODULE_DEVICE_TABLE(of, declarations);

bool glue_tree_is_compatible(struct device_node *node, const char *entry)
{
	return of_device_is_compatible(node, entry);
}

int glue_tree_property(struct device_node *node, const char *name, const void **bytes)
{
	int length = 0;
	const struct property *property = of_find_property(node, name, &length);

	if (!property)
		return -1;
	*bytes = property->value;
	return length;
}

struct device_node *glue_tree_parent(struct device_node *node)
{
	return node->parent;
}

bool glue_tree_is_reserved_memory(struct device_node *node)
{
	return of_node_name_eq(node, "reserved-memory") && node->parent && !node->parent->parent;
}

struct device_node *glue_tree_node(unsigned int phandle)
{
	struct device_node *node = of_find_node_by_phandle(phandle);

	/* Nodes that memory is reserved by are there from the kernel's start to its end. */
	of_node_put(node);
	return node;
}

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

/* The second heap of a region goes by its own node's name. */
static const char *name_of(struct device_node *node, const char *region,
			   const struct core_region *others, unsigned int count)
{
	for (unsigned int index = 0; index < count; index++)
		if (!strcmp(others[index].name, region))
			return kbasename(node->full_name);
	return region;
}

static int declare(struct device_node *node, struct core_region *made,
		   const struct core_region *others, unsigned int count)
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
	*made = (struct core_region){
		.name = kstrdup(name_of(node, memory->name, others, count), GFP_KERNEL),
		.first_frame = PHYS_PFN(memory->base),
		.pages = memory->size >> PAGE_SHIFT,
		.chunk_bytes = read.chunk_bytes,
		.is_lent = true,
	};
	return made->name ? 0 : -ENOMEM;
}

int device_tree_find(struct core_region *regions, unsigned int room)
{
	struct device_node *node;
	unsigned int count = 0;

	for_each_matching_node(node, declarations) {
		int error;

		if (!of_device_is_available(node))
			continue;
		if (count == room) {
			pr_err(MODULE_NAME ": %pOF: there are more than %u heaps of regions\n", node, room);
			continue;
		}
		error = declare(node, &regions[count], regions, count);
		if (!error) {
			count++;
		} else if (error == -ENOMEM) {
			of_node_put(node);
			while (count > 0)
				kfree(regions[--count].name);
			return error;
		}
	}
	return count;
}
