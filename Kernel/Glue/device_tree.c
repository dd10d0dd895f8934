// SPDX-License-Identifier: MIT
/* The kernel's device tree, as the core reads it. */
#include <linux/of.h>

#include "internal.h"

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
