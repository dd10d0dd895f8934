// SPDX-License-Identifier: MIT
/* The module's parameters: what an administrator decides. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/cpumask.h>

#include "internal.h"

/* Where the kernel has heaps of its own, ours stand beside them. */
#if IS_ENABLED(CONFIG_DMABUF_HEAPS)
#define DEFAULT_PREFIX "swift-"
#else
#define DEFAULT_PREFIX ""
#endif

/*
 * 64 MiB: enough for one buffer to be zeroed while others wait. Over it whoever frees zeroes, so that a
 * loop of allocations finds the pools stocked, and memory does not pile up.
 */
#define DEFERRED_PAGES 16384

/* Buffers up to 64 KiB are zeroed by whoever frees them: less work than waking the worker. */
#define INLINE_FREE_PAGES 16

static DEFINE_MUTEX(limit_lock);
static bool core_is_live;

static char *name_prefix = DEFAULT_PREFIX;
module_param(name_prefix, charp, 0444);
MODULE_PARM_DESC(name_prefix,
		 "what the names of this module's own heaps begin with (default: \"swift-\" on a kernel with heaps of its own, else nothing)");

#define MOST_ORDERS 16

static unsigned int orders[MOST_ORDERS] = { 8, 4, 0 };
static unsigned int order_count = 3;
module_param_array(orders, uint, &order_count, 0444);
MODULE_PARM_DESC(orders,
		 "orders of the system heap's blocks, descending, the last one 0 (default: 8,4,0)");

static unsigned int refill_low[MOST_ORDERS];
module_param_array(refill_low, uint, NULL, 0444);
MODULE_PARM_DESC(refill_low,
		 "for each of the orders, how few free blocks make the worker get more in advance (default: 0, none)");

static unsigned int refill_high[MOST_ORDERS];
module_param_array(refill_high, uint, NULL, 0444);
MODULE_PARM_DESC(refill_high,
		 "for each of the orders, up to how many free blocks the worker gets, at least the low mark (default: the low mark)");

static unsigned long deferred_limit;
module_param(deferred_limit, ulong, 0444);
MODULE_PARM_DESC(deferred_limit,
		 "most pages that may wait to be zeroed (default: 16384, at most an eighth of memory)");

static unsigned long page_pool_size = ULONG_MAX;

static int set_page_pool_size(const char *value, const struct kernel_param *parameter)
{
	unsigned long pages;
	int error = kstrtoul(value, 0, &pages);

	if (error)
		return error;
	if (pages > LONG_MAX)
		return -EINVAL;
	mutex_lock(&limit_lock);
	page_pool_size = pages;
	if (core_is_live)
		core_set_limit(pages);
	mutex_unlock(&limit_lock);
	return 0;
}

static const struct kernel_param_ops page_pool_size_ops = {
	.set = set_page_pool_size,
	.get = param_get_ulong,
};
module_param_cb(page_pool_size, &page_pool_size_ops, &page_pool_size, 0644);
MODULE_PARM_DESC(page_pool_size,
		 "most pages that all pools together may keep; 0 turns pooling off (default: a quarter of memory)");

void parameters_configure(struct core_configuration *configuration)
{
	unsigned long total = totalram_pages();

	if (page_pool_size == ULONG_MAX)
		page_pool_size = total / 4;
	if (!deferred_limit)
		deferred_limit = min(total / 8, (unsigned long)DEFERRED_PAGES);
	for (size_t index = 0; index < MOST_ORDERS; index++)
		if (!refill_high[index])
			refill_high[index] = refill_low[index];
	*configuration = (struct core_configuration) {
		.page_pool_size = page_pool_size,
		.deferred_limit = deferred_limit,
		.inline_free_limit = INLINE_FREE_PAGES,
		.total_pages = total,
		.shard_count = min(num_possible_cpus(), 8u),
		.order_count = order_count,
		.orders = orders,
		.refill_low = refill_low,
		.refill_high = refill_high,
	};
}

unsigned long parameters_deferred_limit(void)
{
	return deferred_limit;
}

const char *parameters_name_prefix(void)
{
	return name_prefix;
}

void parameters_go_live(void)
{
	mutex_lock(&limit_lock);
	core_is_live = true;
	/* It may have been changed while the module was starting. */
	core_set_limit(page_pool_size);
	mutex_unlock(&limit_lock);
}

void parameters_end(void)
{
	mutex_lock(&limit_lock);
	core_is_live = false;
	mutex_unlock(&limit_lock);
}
