// SPDX-License-Identifier: MIT
/*
 * Heaps' names. A buffer refers to its heap's name for as long as it lives (fdinfo and the kernel's list of
 * dma-bufs show it), which may be longer than the heap does; and buffers of other modules are none of our
 * business. So each name is kept, once, until this module goes, which no buffer and no other module with a heap
 * outlives.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

struct kept_name {
	struct list_head siblings;
	char text[];
};

static LIST_HEAD(names);
static DEFINE_MUTEX(names_lock);

const char *name_keep(const char *text)
{
	size_t size = strlen(text) + 1;
	struct kept_name *name;

	mutex_lock(&names_lock);
	list_for_each_entry(name, &names, siblings)
		if (!strcmp(name->text, text))
			goto found;
	name = kmalloc(sizeof(*name) + size, GFP_KERNEL);
	if (!name) {
		mutex_unlock(&names_lock);
		return NULL;
	}
	memcpy(name->text, text, size);
	list_add(&name->siblings, &names);
found:
	mutex_unlock(&names_lock);
	return name->text;
}

int names_start(void)
{
	return 0;
}

void names_stop(void)
{
	struct kept_name *name, *next;

	list_for_each_entry_safe(name, next, &names, siblings)
		kfree(name);
}
