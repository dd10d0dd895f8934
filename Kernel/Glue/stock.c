// SPDX-License-Identifier: MIT
/* Chunks of regions that are to be there before anybody asks (P9), as the administrator wants them. */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "internal.h"

static char *refill[8];
static unsigned int refill_count;
module_param_array(refill, charp, &refill_count, 0444);
MODULE_PARM_DESC(refill,
		 "heap:low[:high], how few chunks of a region's heap in stock make the worker get more, and up to how many (example: frames:512:1024)");

/* Two numbers behind the heap's name, or one for both. */
static int read_marks(const char *text, unsigned int *low, unsigned int *high)
{
	char rest;

	switch (sscanf(text, "%u:%u%c", low, high, &rest)) {
	case 1:
		*high = *low;
		return strchr(text, ':') ? -EINVAL : 0;
	case 2:
		return 0;
	default:
		return -EINVAL;
	}
}

/* The marks behind the colon, where the text is about this heap. */
static const char *marks_of(const char *text, const char *heap)
{
	size_t length = strlen(heap);

	return strncmp(text, heap, length) || text[length] != ':' ? NULL : text + length + 1;
}

int stock_set(const char *heap, void *own)
{
	for (unsigned int index = 0; index < refill_count; index++) {
		const char *marks = marks_of(refill[index], heap);
		unsigned int low = 0, high = 0;
		int error;

		if (!marks)
			continue;
		error = read_marks(marks, &low, &high);
		if (!error)
			error = core_refill_own_heap(own, low, high);
		if (error == -EINVAL)
			pr_err(MODULE_NAME ": refill: '%s' is not heap:low[:high] of a heap of chunks\n",
			       refill[index]);
		else if (error == -E2BIG)
			pr_err(MODULE_NAME ": refill: '%s' is more than page_pool_size allows\n",
			       refill[index]);
		if (error)
			return error;
	}
	return 0;
}
